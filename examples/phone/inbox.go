package phone

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/sql"
	"countersign/wire/smpp"
)

// migrationTable is the schema: one row per part of a message, so that every part is durable before it is acknowledged.
var migrationTable = []string{`
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,       -- unix ms
  source TEXT NOT NULL,
  dest TEXT NOT NULL,
  text TEXT NOT NULL,
  ref INTEGER NOT NULL,      -- of a long message
  part INTEGER NOT NULL,     -- 1 … total
  total INTEGER NOT NULL
) STRICT;
CREATE INDEX message_long ON message (source, dest, ref) WHERE total > 1;
`}

// Message is one text as a person reads it; a long one is whole.
type Message struct {
	ID   int64     `json:"id"`
	At   time.Time `json:"at"`
	From string    `json:"from"`
	To   string    `json:"to"`
	Text string    `json:"text"`
	Code string    `json:"code,omitempty"` // of an origin-bound one-time code, WICG sms-one-time-codes
	Shop string    `json:"shop,omitempty"` // the address in the address bar that the code is for
	Bank string    `json:"bank,omitempty"` // the address in the frame that the code is for
}

// Body is the text without the line that is for programs.
func (m Message) Body() string {
	if m.Code == "" {
		return m.Text
	}
	i := strings.LastIndexByte(m.Text, '\n')
	return strings.TrimSpace(m.Text[:max(i, 0)])
}

type inbox struct {
	db  *sql.DB
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	changed chan struct{} // closed and replaced with each message
}

// submit stores one message or part; it is acknowledged when it is durable. Its text is never logged.
func (b *inbox) submit(ctx context.Context, _ smpp.Bind, m *smpp.Message) (string, smpp.Status) {
	text, part, err := m.Text()
	if err != nil {
		return "", smpp.SubmitFailed
	}
	if part == nil {
		part = &smpp.Concat{Total: 1, Part: 1}
	}
	var id int64
	err = b.db.Write(ctx, func(c *sql.Conn) error {
		err := c.Exec(`INSERT INTO message (at, source, dest, text, ref, part, total) VALUES (?,?,?,?,?,?,?)`,
			b.now(), m.Source.Addr, m.Dest.Addr, text, part.Ref, part.Part, part.Total)
		id = c.LastID()
		return err
	})
	if err != nil {
		b.log.Error("a message could not be stored", "error", err)
		return "", smpp.SystemError
	}
	b.mu.Lock()
	close(b.changed)
	b.changed = make(chan struct{})
	b.mu.Unlock()
	return smpp.ID(uint64(id)), smpp.OK
}

// next is closed when the next message has come.
func (b *inbox) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// list reads the newest messages, newest first; to = "" for all numbers. Long messages with missing parts are not shown.
func (b *inbox) list(ctx context.Context, to string, limit int) (out []Message, err error) {
	to = strings.TrimPrefix(to, "+")
	var j joiner
	err = b.db.Read(ctx, func(c *sql.Conn) error {
		return c.Rows(`SELECT id, at, source, dest, text, ref, part, total FROM (SELECT * FROM message WHERE ?1 = '' OR dest = ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id`,
			[]any{to, limit * 8}, func(r *sql.Stmt) error {
				m := Message{ID: r.Int64(0), At: r.Time(1), From: r.Text(2), To: r.Text(3), Text: r.Text(4)}
				if whole, ok := j.add(m, r.Int(5), r.Int(6), r.Int(7)); ok {
					whole.Code, whole.Shop, whole.Bank = originBound(whole.Text)
					out = append(out, whole)
				}
				return nil
			})
	})
	slices.Reverse(out)
	return out[:min(limit, len(out))], err
}

// joiner puts the parts of long messages together, in the order in which they came.
type joiner map[string][]string

// add takes a part; ok says that m is whole now. A part that comes again begins a new message: its reference
// was used anew.
func (j *joiner) add(m Message, ref, part, total int) (whole Message, ok bool) {
	if total <= 1 {
		return m, true
	}
	if *j == nil {
		*j = joiner{}
	}
	key := fmt.Sprintf("%s %s %d %d", m.From, m.To, ref, total)
	texts := (*j)[key]
	if texts == nil || texts[part-1] != "" {
		texts = make([]string, total)
		(*j)[key] = texts
	}
	texts[part-1] = m.Text
	if slices.Contains(texts, "") {
		return m, false
	}
	delete(*j, key)
	m.Text = strings.Join(texts, "")
	return m, true
}

// originBound reads the last line "@shop #code @bank" (or "@shop #code").
func originBound(text string) (code, shop, bank string) {
	line := text[strings.LastIndexByte(text, '\n')+1:]
	f := strings.Split(line, " ")
	if len(f) < 2 || !strings.HasPrefix(f[0], "@") || !strings.HasPrefix(f[1], "#") || len(f[1]) < 2 {
		return "", "", ""
	}
	if len(f) > 2 && strings.HasPrefix(f[2], "@") {
		bank = f[2][1:]
	}
	return f[1][1:], f[0][1:], bank
}
