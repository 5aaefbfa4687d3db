package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"countersign/cmd/countersign/settings"
	"countersign/host"
	"countersign/host/keys"
)

type keysCommands struct {
	Init    keysInitCommand    `cmd:"" help:"Make the keys that some roles own, before their process starts."`
	Share   keysShareCommand   `cmd:"" help:"Copy the keys that a role may use into the data folder of its process."`
	List    keysListCommand    `cmd:"" help:"List all keys: id, purpose, owner, who may use it, check value, age."`
	Rotate  keysRotateCommand  `cmd:"" help:"Make a new key of a purpose; the old one still opens what it closed."`
	Certify keysCertifyCommand `cmd:"" help:"Make the certificate of a role that runs in another process."`
}

type keysInitCommand struct {
	Roles []string `help:"Roles that will run on this data folder; all when not given." placeholder:"ROLE,…"`
	Data  string   `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
}

// Help is shown by --help.
func (keysInitCommand) Help() string {
	return "countersign serve makes them too, when it starts; this is for what must be known before, such as the public key to which\n" +
		"security codes are sealed. What exists is left as it is.\n\nExamples:\n  countersign keys init --roles=issuer --data /var/lib/countersign"
}

// Run makes the keys that roles own.
func (c keysInitCommand) Run(p *program) error {
	for _, r := range c.Roles {
		if err := knownRole(r); err != nil {
			return err
		}
	}
	ks, err := makeKeys(p, c.Data, c.Roles)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%d keys in %s.\n", len(ks.List()), filepath.Join(c.Data, "keys"))
	return nil
}

type keysShareCommand struct {
	Role string `arg:"" help:"Role that runs on the other data folder, such as acs."`
	To   string `help:"The other data folder." required:"" type:"path" placeholder:"DIR"`
	Data string `help:"Data folder with the keys." default:"${data}" type:"path" placeholder:"DIR"`
}

// Help is shown by --help.
func (keysShareCommand) Help() string {
	return "Two keys are used by two roles: pan-index belongs to the bank and is used by the access control server too, cavv the other way\n" +
		"round. Do it again after a rotation. A key that a role may not use never leaves the folder.\n\n" +
		"Examples:\n  countersign keys share acs --data ./bank --to ./acs\n  countersign keys share issuer --data ./acs --to ./bank"
}

// Run copies keys.
func (c keysShareCommand) Run(p *program) error {
	if err := knownRole(c.Role); err != nil {
		return err
	}
	from, err := openKeys(p, c.Data, false)
	if err != nil {
		return err
	}
	to, err := keys.Open(filepath.Join(c.To, "keys"), p.now, p.rand)
	if err != nil {
		return err
	}
	news, err := from.Share(c.Role, to)
	if errors.Is(err, keys.ErrSpec) {
		return withHint(exitFailed, err, "the process in "+c.To+" made keys of its own: share keys before it starts for the first time")
	}
	for _, k := range news {
		fmt.Fprintf(p.out, "%s (check value %s) is in %s now.\n", k.ID, k.Check, c.To)
	}
	if err == nil && len(news) == 0 {
		fmt.Fprintln(p.out, "Nothing to do: it has them all.")
	}
	return err
}

func knownRole(role string) error {
	if slices.Contains(settings.RoleTable, role) {
		return nil
	}
	return withHint(exitUsage, fmt.Errorf("there is no role %q", role), "the roles are "+strings.Join(settings.RoleTable, ", "))
}

type keysListCommand struct {
	Data string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
	JSON bool   `name:"json" help:"For machines."`
}

// Help is shown by --help.
func (keysListCommand) Help() string {
	return "No key is shown, only its check value, which tells keys apart and tells nothing about them.\n\n" +
		"Examples:\n  countersign keys list\n  countersign keys list --data /var/lib/countersign --json"
}

type keyLine struct {
	ID        string     `json:"id"`
	Purpose   string     `json:"purpose"`
	Algorithm string     `json:"algorithm"`
	Owner     string     `json:"owner"`
	Readers   []string   `json:"readers"`
	Check     string     `json:"check"`
	Public    string     `json:"public,omitempty"` // of X25519 keys, base64url
	Created   time.Time  `json:"created"`
	Retired   *time.Time `json:"retired,omitempty"`
}

// Run lists the keys of a data folder.
func (c keysListCommand) Run(p *program) error {
	ks, err := openKeys(p, c.Data, false)
	if err != nil {
		return err
	}
	lines := []keyLine{}
	for _, k := range ks.List() {
		l := keyLine{k.ID, string(k.Purpose), k.Algorithm, k.Owner, k.Readers, k.Check, base64.RawURLEncoding.EncodeToString(k.Public()), k.Created, nil}
		if !k.Retired.IsZero() {
			l.Retired = &k.Retired
		}
		lines = append(lines, l)
	}
	if c.JSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		return e.Encode(lines)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tALGORITHM\tOWNER\tUSED BY\tCHECK\tCREATED\tSTATE")
	for _, l := range lines {
		state := "current"
		if l.Retired != nil {
			state = "retired " + l.Retired.Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Algorithm, l.Owner, strings.Join(l.Readers, ", "), l.Check, l.Created.Format(time.DateOnly), state)
	}
	return w.Flush()
}

type keysRotateCommand struct {
	Purpose string `arg:"" help:"Purpose, such as code-seal."`
	Data    string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
}

// Help is shown by --help.
func (keysRotateCommand) Help() string {
	return "Processes that run take the new key when they are started again.\n\nExamples:\n  countersign keys rotate code-seal\n  countersign keys rotate vault-store --data /var/lib/countersign"
}

// Run rotates a key.
func (c keysRotateCommand) Run(p *program) error {
	ks, err := openKeys(p, c.Data, false)
	if err != nil {
		return err
	}
	if c.Purpose == string(keys.PANIndex) || c.Purpose == string(keys.Audit) {
		return withHint(exitFailed, fmt.Errorf("%s cannot be rotated: what is stored under it would not be found again", c.Purpose), "only a new installation gets another one")
	}
	k, err := ks.Rotate(keys.Purpose(c.Purpose))
	if errors.Is(err, keys.ErrNoKey) {
		return withHint(exitUsage, fmt.Errorf("there is no key of purpose %q", c.Purpose), "countersign keys list shows the purposes: an id without its number")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s (check value %s) is current; the keys before it still open what they closed.\n", k.ID, k.Check)
	return nil
}

type keysCertifyCommand struct {
	Role string `arg:"" help:"Role, such as checkout."`
	Data string `help:"Data folder with the CA (made when there is none)." default:"${data}" type:"path" placeholder:"DIR"`
}

// Help is shown by --help.
func (keysCertifyCommand) Help() string {
	return "Processes call each other with mutual TLS under the names of their roles. Copy the three files that are printed into the\n" +
		"tls folder of the other process's data folder; the CA's own key stays here.\n\nExamples:\n  countersign keys certify checkout --data /var/lib/countersign"
}

// Run makes a certificate.
func (c keysCertifyCommand) Run(p *program) error {
	if err := knownRole(c.Role); err != nil {
		return err
	}
	files, err := host.Certify(c.Data, c.Role, p.now, p.rand)
	for _, f := range files {
		fmt.Fprintln(p.out, f)
	}
	return err
}

// openKeys opens the keys of a data folder; with create it makes the folder and what is missing.
func openKeys(p *program, data string, create bool) (*keys.Store, error) {
	dir := filepath.Join(data, "keys")
	if !create {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, withHint(exitFailed, fmt.Errorf("there are no keys in %s", data), "run countersign demo first, or name the folder with --data")
		}
	}
	ks, err := keys.Open(dir, p.now, p.rand)
	if err != nil || !create {
		return ks, err
	}
	return ks, ks.Ensure(keys.SpecTable...)
}

// makeKeys opens the keys of a data folder and makes those that the roles own (all roles when there are none named).
// Keys that other roles own are not made here: they would differ from those that the other process uses.
func makeKeys(p *program, data string, roles []string) (*keys.Store, error) {
	ks, err := keys.Open(filepath.Join(data, "keys"), p.now, p.rand)
	if err != nil {
		return nil, err
	}
	var specs []keys.Spec
	for _, sp := range keys.SpecTable {
		if len(roles) == 0 || slices.Contains(roles, sp.Owner) {
			specs = append(specs, sp)
		}
	}
	return ks, ks.Ensure(specs...)
}

// missingKeys says which keys the roles use, but must get from the process of another role first.
func missingKeys(ks *keys.Store, data string, roles []string) error {
	for _, sp := range keys.SpecTable {
		for _, r := range sp.Readers {
			if !slices.Contains(roles, r) {
				continue
			}
			if _, err := ks.For(r).Current(sp.Purpose); err != nil {
				return withHint(exitUsage, fmt.Errorf("%s needs the key %s, which %s owns and another process keeps", r, sp.Purpose, sp.Owner),
					fmt.Sprintf("countersign keys share %s --to %s --data (the data folder of %s)", r, data, sp.Owner))
			}
		}
	}
	return nil
}
