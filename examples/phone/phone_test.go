package phone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"countersign/host"
	"countersign/wire/smpp"
)

// start runs the role on real sockets.
func startPhone(t testing.TB, dir string, cfg Config) (web http.Handler, addr string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	env := &host.Env{Role: "phone", Log: slog.New(slog.DiscardHandler), Now: time.Now, DataDir: dir,
		Listen: func(string) (net.Listener, error) { return ln, nil }}
	r, err := Role(cfg).Start(context.Background(), env)
	if err != nil {
		t.Fatal(err)
	}
	return r.Web["phone"], ln.Addr().String(), func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func bind(t testing.TB, addr string, b smpp.Bind) (*smpp.Session, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return smpp.BindAs(context.Background(), conn, b, smpp.Options{})
}

func send(t testing.TB, s *smpp.Session, text string, ref byte) error {
	parts, err := smpp.EncodeText(text, ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		m := &smpp.Message{Source: smpp.Name("DemoBank"), Dest: smpp.Number("+491701234567"), Coding: p.Coding, Data: p.Data}
		if p.UDHI {
			m.ESMClass = smpp.UDHI
		}
		if _, err := s.Submit(context.Background(), m); err != nil {
			return err
		}
	}
	return nil
}

func get(web http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	web.ServeHTTP(rec, httptest.NewRequest("GET", "http://phone.localhost"+path, nil))
	return rec
}

func messages(t testing.TB, web http.Handler, query string) []Message {
	t.Helper()
	var out struct{ Messages []Message }
	if err := json.Unmarshal(get(web, "/messages.json"+query).Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

func TestInbox(t *testing.T) {
	web, addr, stop := startPhone(t, t.TempDir(), Config{})
	defer stop()
	if s := get(web, "/").Body.String(); !strings.Contains(s, "No messages yet") {
		t.Error("the empty inbox says nothing")
	}
	if get(web, "/messages.json").Body.String() != "{\"messages\":[]}\n" {
		t.Error("an empty list is not a list")
	}
	s, err := bind(t, addr, smpp.Bind{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	long := strings.Repeat("Страница ", 30) + "<b>конец</b>"
	for i, text := range []string{"hello", "Pay 23.40 € to Lantern Lane? Code: 482913.\n@shop.localhost #482913 @acs.bank.localhost", long} {
		if err := send(t, s, text, byte(i)); err != nil {
			t.Fatal(err)
		}
	}
	list := messages(t, web, "")
	if len(list) != 3 || list[0].Text != long || list[2].Text != "hello" || list[1].Code != "482913" || list[1].Shop != "shop.localhost" || list[1].Bank != "acs.bank.localhost" {
		t.Fatalf("%+v", list)
	}
	if n := len(messages(t, web, "?to=%2B491701234567")); n != 3 || len(messages(t, web, "?to=1")) != 0 {
		t.Errorf("by number: %d", n)
	}
	page := get(web, "/")
	for _, want := range []string{"Pay 23.40 €", ">482913</output>", "&lt;b&gt;"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page.Body.String(), "@shop.localhost #") || !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the line for programs is shown, or no policy")
	}
}

// Half a long message is not shown; references that are used again do not mix messages.
func TestLongMessages(t *testing.T) {
	web, addr, stop := startPhone(t, t.TempDir(), Config{})
	defer stop()
	s, err := bind(t, addr, smpp.Bind{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	parts, _ := smpp.EncodeText(strings.Repeat("a", 200), 7)
	half := &smpp.Message{Source: smpp.Name("DemoBank"), Dest: smpp.Number("491701234567"), ESMClass: smpp.UDHI, Data: parts[0].Data}
	if _, err := s.Submit(t.Context(), half); err != nil {
		t.Fatal(err)
	}
	if n := len(messages(t, web, "")); n != 0 {
		t.Fatalf("half a message is shown")
	}
	for i := range 40 {
		send(t, s, fmt.Sprintf("number %d %s", i, strings.Repeat("b", 180)), byte(i%2))
	}
	for i, m := range messages(t, web, "") {
		if want := fmt.Sprintf("number %d %s", 39-i, strings.Repeat("b", 180)); m.Text != want {
			t.Fatalf("message %d is %q", i, m.Text)
		}
	}
	if _, err := s.Submit(t.Context(), &smpp.Message{Dest: smpp.Number("1"), Coding: 4, Data: []byte{1}}); err != smpp.SubmitFailed {
		t.Errorf("a binary message: %v", err)
	}
}

func TestPassword(t *testing.T) {
	_, addr, stop := startPhone(t, t.TempDir(), Config{SystemID: "acs", Password: "right"})
	defer stop()
	if _, err := bind(t, addr, smpp.Bind{SystemID: "acs", Password: "wrong"}); err != smpp.InvalidPassword {
		t.Error(err)
	}
	s, err := bind(t, addr, smpp.Bind{SystemID: "acs", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	s.Close(context.Background())
}

func TestEvents(t *testing.T) {
	web, addr, stop := startPhone(t, t.TempDir(), Config{})
	defer stop()
	srv := httptest.NewServer(web)
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s, err := bind(t, addr, smpp.Bind{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if err := send(t, s, "hello", 1); err != nil {
		t.Fatal(err)
	}
	got, want := "", "retry: 1000\n\nevent: message\ndata: {}\n\n"
	buf := make([]byte, 64)
	for len(got) < len(want) {
		n, err := resp.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += string(buf[:n])
	}
	if got != want {
		t.Errorf("%q", got)
	}
}

// An acknowledged message survives kill -9. The child takes messages until it is killed.
func TestKill(t *testing.T) {
	if dir := os.Getenv("PHONE_CHILD"); dir != "" {
		_, addr, _ := startPhone(t, dir, Config{})
		fmt.Println("ADDR " + addr)
		io.Copy(io.Discard, os.Stdin)
		return
	}
	dir := t.TempDir()
	acked := map[string]bool{}
	for round := range 5 {
		child := exec.Command(os.Args[0], "-test.run=^TestKill$")
		child.Env = append(os.Environ(), "PHONE_CHILD="+dir)
		in, _ := child.StdinPipe()
		out, err := child.StdoutPipe()
		if err != nil || child.Start() != nil {
			t.Fatal(err)
		}
		var addr string
		if _, err := fmt.Fscanf(out, "ADDR %s\n", &addr); err != nil {
			t.Fatal(err)
		}
		s, err := bind(t, addr, smpp.Bind{})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(150*time.Millisecond, func() { child.Process.Kill() })
		for i := 0; ; i++ {
			text := fmt.Sprintf("%d-%d", round, i)
			if err := send(t, s, text, 0); err != nil {
				if !errors.Is(err, smpp.ErrNoAnswer) && !errors.Is(err, smpp.ErrNotSent) {
					t.Error(err)
				}
				break
			}
			acked[text] = true
		}
		in.Close()
		child.Wait()
	}
	web, _, stop := startPhone(t, dir, Config{})
	defer stop()
	_ = web
	box := map[string]bool{}
	rec := get(web, "/messages.json")
	if rec.Code != 200 {
		t.Fatal(rec.Code)
	}
	for _, m := range allMessages(t, dir) {
		box[m] = true
	}
	lost := 0
	for text := range acked {
		if !box[text] {
			lost++
		}
	}
	if lost > 0 || len(acked) < 10 {
		t.Errorf("%d of %d acknowledged messages are lost", lost, len(acked))
	}
	t.Logf("5 kills, %d acknowledged, %d lost", len(acked), lost)
}
