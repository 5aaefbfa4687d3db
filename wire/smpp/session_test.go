package smpp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"countersign/wire/smpp"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t testing.TB, c *smpp.Centre) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return ln
}

func dial(t testing.TB, ln net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestManyMessagesInFlight(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	ln := listen(t, &smpp.Centre{SystemID: "centre", Submit: func(_ context.Context, from smpp.Bind, m *smpp.Message) (string, smpp.Status) {
		mu.Lock()
		defer mu.Unlock()
		text, _, _ := m.Text()
		got[text]++
		if from.SystemID != "acs" || from.Password != "" {
			t.Errorf("from %+v", from)
		}
		return smpp.ID(uint64(len(got))), smpp.OK
	}})
	s, err := smpp.BindAs(t.Context(), dial(t, ln), smpp.Bind{SystemID: "acs", Password: "secret"}, smpp.Options{Enquire: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			id, err := s.Submit(t.Context(), &smpp.Message{Dest: smpp.Number("49170"), Data: fmt.Appendf(nil, "%d", i)})
			if err != nil || len(id) != 8 {
				t.Errorf("%d: %q %v", i, id, err)
			}
		})
	}
	all.Wait()
	if len(got) != 500 {
		t.Errorf("%d different messages arrived", len(got))
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Submit(t.Context(), &smpp.Message{}); !errors.Is(err, smpp.ErrNotSent) {
		t.Errorf("after the end: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	ln := listen(t, &smpp.Centre{
		Bind: func(b smpp.Bind) smpp.Status {
			if b.Password != "right" {
				return smpp.InvalidPassword
			}
			return smpp.OK
		},
		Submit: func(context.Context, smpp.Bind, *smpp.Message) (string, smpp.Status) { return "", smpp.QueueFull },
	})
	if _, err := smpp.BindAs(t.Context(), dial(t, ln), smpp.Bind{Password: "wrong"}, smpp.Options{}); err != smpp.InvalidPassword {
		t.Errorf("wrong password: %v", err)
	}
	s, err := smpp.BindAs(t.Context(), dial(t, ln), smpp.Bind{Password: "right"}, smpp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	_, err = s.Submit(t.Context(), &smpp.Message{Dest: smpp.Number("49170")})
	if st, ok := err.(smpp.Status); !ok || !st.Temporary() {
		t.Errorf("queue full: %v", err)
	}
	if _, err = s.Submit(t.Context(), &smpp.Message{}); err != smpp.InvalidDest {
		t.Errorf("no destination: %v", err)
	}
}

// What a centre answers to a peer that does not keep the rules, byte by byte.
func TestCentreAnswersStrangeRequests(t *testing.T) {
	ln := listen(t, &smpp.Centre{SystemID: "c", Submit: func(context.Context, smpp.Bind, *smpp.Message) (string, smpp.Status) { return "1", smpp.OK }})
	for _, c := range []struct {
		name, in string
		command  smpp.Command
		status   smpp.Status
	}{
		{"message before bind", submitVector, smpp.SubmitSM.Answer(), smpp.WrongBindState},
		{"unknown command", "00000010 00000999 00000000 00000001", smpp.GenericNack, smpp.InvalidCommandID},
		{"broken bind", "00000013 00000009 00000000 00000001 414141", smpp.BindTransceiver.Answer(), smpp.InvalidCommandLen},
		{"length 3", "00000003 00000009 00000000 00000001", smpp.GenericNack, smpp.InvalidCommandLen},
		{"length of gigabytes", "7fffffff 00000009 00000000 00000001", smpp.GenericNack, smpp.InvalidCommandLen},
		{"life", enquireVector, smpp.EnquireLink.Answer(), smpp.OK},
		{"goodbye", "00000010 00000006 00000000 00000001", smpp.Unbind.Answer(), smpp.OK},
	} {
		conn := dial(t, ln)
		raw := unhex(t, c.in)
		if c.name == "message before bind" {
			binary.BigEndian.PutUint32(raw, uint32(len(raw)))
		}
		conn.Write(raw)
		p, err := smpp.ReadPDU(conn)
		if err != nil || p.Command != c.command || p.Status != c.status {
			t.Errorf("%s: %v %v %v", c.name, p.Command, p.Status, err)
		}
		conn.Close()
	}
}

// A centre that takes messages and says nothing: the sender must know that the message is in doubt.
func TestNoAnswer(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	asked := make(chan struct{})
	go func() {
		p, _ := smpp.ReadPDU(theirs)
		theirs.Write(smpp.AppendPDU(nil, smpp.PDU{Command: p.Command.Answer(), Sequence: p.Sequence, Body: smpp.AppendID(nil, "c")}))
		theirs.Write(unhexBytes("00000010 00000015 00000000 00000063")) // asks for life, sequence 99
		if p, _ = smpp.ReadPDU(theirs); p.Command == smpp.EnquireLink.Answer() && p.Sequence == 99 {
			close(asked)
		}
		io.Copy(io.Discard, theirs)
	}()
	s, err := smpp.BindAs(t.Context(), ours, smpp.Bind{}, smpp.Options{Timeout: 50 * time.Millisecond, Enquire: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	<-asked
	if _, err := s.Submit(t.Context(), &smpp.Message{Dest: smpp.Number("1")}); !errors.Is(err, smpp.ErrNoAnswer) {
		t.Errorf("%v", err)
	}
	select { // enquire_link is not answered either: the session must end by itself
	case <-s.Done():
	case <-time.After(5 * time.Second):
		t.Error("the session does not end")
	}
}

func unhexBytes(s string) []byte { var t testing.T; return unhex(&t, s) }

func BenchmarkSubmit(b *testing.B) {
	ln := listen(b, &smpp.Centre{Submit: func(context.Context, smpp.Bind, *smpp.Message) (string, smpp.Status) { return "1", smpp.OK }})
	s, err := smpp.BindAs(context.Background(), dial(b, ln), smpp.Bind{}, smpp.Options{Window: 16})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Submit(context.Background(), &smpp.Message{Dest: smpp.Number("49170"), Data: []byte("hello")}); err != nil {
				b.Error(err)
			}
		}
	})
}
