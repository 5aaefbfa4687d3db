// Package browser drives Debian's Chromium for the tests of pages, over the DevTools protocol: real clicks and
// keys, frames by their address, every console message and every breach of a Content-Security-Policy kept.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Patience is how long Wait waits: long, because test machines are slow and shared.
const Patience = 30 * time.Second

// Browser is a running Chromium.
type Browser struct{ ctx context.Context }

// Start starts Chromium and ends it with the test. Without Chromium the test is skipped, or fails when
// COUNTERSIGN_TEST_ALL=1 is set.
func Start(t testing.TB) *Browser {
	t.Helper()
	path := "/usr/bin/chromium"
	if _, err := os.Stat(path); err != nil {
		Missing(t, "Chromium is not installed (apt install chromium)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("mute-audio", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en-GB"),
		// All frames in one process, so that one session reaches them. What pages may do is the same.
		chromedp.Flag("disable-site-isolation-trials", true), chromedp.Flag("disable-features", "IsolateOrigins,site-per-process,OriginIsolationHeader,Translate"))
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, end := chromedp.NewContext(alloc)
	t.Cleanup(func() { end(); endAlloc() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal("Chromium does not start: ", err)
	}
	return &Browser{ctx}
}

// Missing skips a test that lacks something, or fails it when COUNTERSIGN_TEST_ALL=1 is set.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("COUNTERSIGN_TEST_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Size is a window.
type Size struct {
	Name          string
	Width, Height int64
	Mobile        bool
}

// Phone is one of the two sizes that every page is tried at.
func Phone() Size { return Size{"phone", 390, 844, true} }

// Desktop is the other one.
func Desktop() Size { return Size{"desktop", 1280, 800, false} }

// Tab is one page with its frames.
type Tab struct {
	t    testing.TB
	ctx  context.Context
	size Size
	mu   sync.Mutex
	said []string
}

// Tab opens a page with cookies of its own.
func (b *Browser) Tab(t testing.TB, size Size) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	return open(ctx, t, size)
}

// Again opens another tab of the same person: same cookies, same size.
func (tab *Tab) Again() *Tab {
	tab.t.Helper()
	ctx, cancel := chromedp.NewContext(tab.ctx)
	tab.t.Cleanup(cancel)
	return open(ctx, tab.t, tab.size)
}

func open(ctx context.Context, t testing.TB, size Size) *Tab {
	t.Helper()
	tab := &Tab{t: t, ctx: ctx, size: size}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			tab.mu.Lock()
			tab.said = append(tab.said, fmt.Sprintf("%s %s: %s", m.Source, m.Type, m.Text))
			tab.mu.Unlock()
		}
	}()
	var opts []chromedp.EmulateViewportOption
	if size.Mobile {
		opts = append(opts, chromedp.EmulateMobile)
	}
	tab.do("window", chromedp.Do(ctx, chromedp.EmulateViewport(size.Width, size.Height, opts...)))
	return tab
}

func (tab *Tab) do(what string, err error) {
	tab.t.Helper()
	if err != nil {
		tab.t.Fatalf("%s: %v", what, err)
	}
}

// Dark turns the dark theme on or off.
func (tab *Tab) Dark(on bool) {
	tab.t.Helper()
	value := "light"
	if on {
		value = "dark"
	}
	_, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}},
	})
	tab.do("theme", err)
}

// Goto opens an address and waits until it is loaded.
func (tab *Tab) Goto(url string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, Patience)
	defer cancel()
	tab.do("goto "+url, chromedp.Do(ctx, chromedp.Navigate(url)))
}

// Before runs a script in every document from now on, before the page's own.
func (tab *Tab) Before(script string) {
	tab.t.Helper()
	_, err := chromedp.Call(tab.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	tab.do("before", err)
}

// Back is the browser's back button.
func (tab *Tab) Back() {
	tab.t.Helper()
	_, err := tab.eval("", "history.back()")
	tab.do("back", err)
}

// frame finds the frame whose address contains part; "" is the page itself.
func (tab *Tab) frame(part string) (*cdp.Frame, error) {
	tree, err := chromedp.Call(tab.ctx, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return nil, err
	}
	var found *cdp.Frame
	var walk func(*page.FrameTree)
	walk = func(f *page.FrameTree) {
		if strings.Contains(f.Frame.URL, part) && (part != "" || found == nil) {
			found = f.Frame // the innermost one wins
		}
		for _, c := range f.ChildFrames {
			walk(c)
		}
	}
	walk(tree.FrameTree)
	if part == "" {
		found = tree.FrameTree.Frame
	}
	if found == nil {
		return nil, fmt.Errorf("no frame with %q in its address", part)
	}
	return found, nil
}

// Frames are the addresses of the page and its frames.
func (tab *Tab) Frames() (urls []string) {
	tab.t.Helper()
	tree, err := chromedp.Call(tab.ctx, page.GetFrameTree, cdp.Empty{})
	tab.do("frames", err)
	var walk func(*page.FrameTree)
	walk = func(f *page.FrameTree) {
		urls = append(urls, f.Frame.URL)
		for _, c := range f.ChildFrames {
			walk(c)
		}
	}
	walk(tree.FrameTree)
	return urls
}

func (tab *Tab) world(part string) (runtime.ExecutionContextID, error) {
	f, err := tab.frame(part)
	if err != nil {
		return 0, err
	}
	w, err := chromedp.Call(tab.ctx, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: f.ID, WorldName: "test"})
	return w.ExecutionContextID, err
}

// eval runs a script in a world of its own: it sees the document and not the page's variables.
func (tab *Tab) eval(part, script string) (json.RawMessage, error) {
	world, err := tab.world(part)
	if err != nil {
		return nil, err
	}
	r, err := chromedp.Call(tab.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: script, ContextID: world, ReturnByValue: new(true), AwaitPromise: new(true)})
	if err != nil {
		return nil, err
	}
	if x := r.ExceptionDetails; x != nil {
		text := x.Text
		if x.Exception != nil {
			text = x.Exception.Description
		}
		return nil, fmt.Errorf("script: %s", text)
	}
	return json.RawMessage(r.Result.Value), nil
}

// Eval runs a script in the frame whose address contains part ("" = the page) and gives its value.
func Eval[T any](tab *Tab, part, script string) T {
	tab.t.Helper()
	var v T
	raw, err := tab.eval(part, script)
	tab.do("eval in "+part, err)
	if len(raw) > 0 {
		tab.do("eval in "+part, json.Unmarshal(raw, &v))
	}
	return v
}

// Until waits until the script is true in the frame; the frame may come later.
func (tab *Tab) Until(part, script string) {
	tab.t.Helper()
	var last error
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(60 * time.Millisecond) {
		raw, err := tab.eval(part, "!!("+script+")")
		if err == nil && string(raw) == "true" {
			return
		}
		last = err
	}
	tab.Save(filepath.Join(os.TempDir(), "countersign-e2e-failed.png"))
	tab.t.Fatalf("waited in vain for %s in %q (%v)\nframes: %v\nconsole: %v\ntext: %.800s", script, part, last, tab.Frames(), tab.Said(), tab.text(part))
}

func (tab *Tab) text(part string) string {
	raw, _ := tab.eval(part, "document.body.innerText")
	return string(raw)
}

// Shows says whether an element is there now.
func (tab *Tab) Shows(part, selector string) bool {
	tab.t.Helper()
	raw, err := tab.eval(part, "!!document.querySelector("+quote(selector)+")")
	return err == nil && string(raw) == "true"
}

// Visible waits until an element is there and has a size.
func (tab *Tab) Visible(part, selector string) {
	tab.t.Helper()
	tab.Until(part, "document.querySelector("+quote(selector)+")?.getClientRects().length")
}

// Text is the text of an element that is visible.
func (tab *Tab) Text(part, selector string) string {
	tab.t.Helper()
	tab.Visible(part, selector)
	return Eval[string](tab, part, "document.querySelector("+quote(selector)+").innerText")
}

// place is the middle of an element in the window, after scrolling it into view.
func (tab *Tab) place(part, selector string) (x, y float64) {
	tab.t.Helper()
	tab.Visible(part, selector)
	world, err := tab.world(part)
	tab.do("world", err)
	r, err := chromedp.Call(tab.ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: "(e => (e.scrollIntoView({block:'center',behavior:'instant'}), e))(document.querySelector(" + quote(selector) + "))", ContextID: world,
	})
	tab.do("find "+selector, err)
	q, err := chromedp.Call(tab.ctx, dom.GetContentQuads, dom.GetContentQuadsParams{ObjectID: r.Result.ObjectID})
	tab.do("place of "+selector, err)
	if len(q.Quads) == 0 {
		tab.t.Fatalf("%s has no place", selector)
	}
	p := q.Quads[0]
	return (p[0] + p[4]) / 2, (p[1] + p[5]) / 2
}

// Click clicks an element with the mouse, count times in quick succession (1 when not given).
func (tab *Tab) Click(part, selector string, count ...int) {
	tab.t.Helper()
	x, y := tab.place(part, selector)
	n := 1
	if len(count) > 0 {
		n = count[0]
	}
	for i := range n {
		for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
			_, err := chromedp.Call(tab.ctx, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: int64(i + 1)})
			tab.do("click "+selector, err)
		}
	}
}

// Type clicks an element and types text.
func (tab *Tab) Type(part, selector, text string) {
	tab.t.Helper()
	tab.Click(part, selector)
	tab.Until(part, "document.activeElement === document.querySelector("+quote(selector)+")")
	tab.Keys(text)
}

// Keys types where the focus is; "\t" is the tabulator, "\r" is enter.
func (tab *Tab) Keys(text string) {
	tab.t.Helper()
	tab.do("keys", chromedp.Do(tab.ctx, chromedp.KeyEvent(text)))
}

// Paste puts text in as a paste does.
func (tab *Tab) Paste(part, selector, text string) {
	tab.t.Helper()
	tab.Click(part, selector)
	_, err := chromedp.Call(tab.ctx, input.InsertText, input.InsertTextParams{Text: text})
	tab.do("paste", err)
}

// Picture is a PNG of the window.
func (tab *Tab) Picture() []byte {
	tab.t.Helper()
	b, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
	tab.do("picture", err)
	return b
}

// Save writes a PNG of the window.
func (tab *Tab) Save(path string) {
	tab.t.Helper()
	tab.do("save", os.WriteFile(path, tab.Picture(), 0o644))
}

// Said is what the console has heard so far.
func (tab *Tab) Said() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.said...)
}

// Quiet fails the test if a page broke its policy or threw an error. Lines that contain one of the given texts are expected.
func (tab *Tab) Quiet(expected ...string) {
	tab.t.Helper()
	for _, line := range tab.Complaints(expected...) {
		tab.t.Errorf("console: %s", line)
	}
}

// Complaints are the lines that Quiet would fail for.
func (tab *Tab) Complaints(expected ...string) (lines []string) {
next:
	for _, line := range tab.Said() {
		for _, e := range expected {
			if strings.Contains(line, e) {
				continue next
			}
		}
		if strings.Contains(line, "Blocked autofocusing") { // a wish of the bank's page in a frame, politely declined
			continue
		}
		if strings.Contains(line, "Content Security Policy") || strings.Contains(line, "exception") || strings.Contains(line, "error") || strings.Contains(line, "integrity") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Pierced is the text of the first element with the id, also inside closed shadow roots of the page and its frames; "" when there is none.
func (tab *Tab) Pierced(id string) string {
	tab.t.Helper()
	r, err := chromedp.Call(tab.ctx, dom.GetDocument, dom.GetDocumentParams{Depth: new(int64(-1)), Pierce: new(true)})
	tab.do("document", err)
	if n := pierce(r.Root, id); n != nil {
		return textOf(n)
	}
	return ""
}

func pierce(n *cdp.Node, id string) *cdp.Node {
	if n == nil {
		return nil
	}
	for i := 0; i+1 < len(n.Attributes); i += 2 {
		if n.Attributes[i] == "id" && n.Attributes[i+1] == id {
			return n
		}
	}
	for _, list := range [][]*cdp.Node{n.Children, n.ShadowRoots, {n.ContentDocument}} {
		for _, c := range list {
			if f := pierce(c, id); f != nil {
				return f
			}
		}
	}
	return nil
}

func textOf(n *cdp.Node) string {
	s := n.NodeValue
	for _, c := range n.Children {
		s += textOf(c)
	}
	return s
}

func quote(s string) string {
	b, _ := json.Marshal(s) // strings always marshal
	return string(b)
}
