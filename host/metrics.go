package host

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// metrics of one process, written in the Prometheus text format 0.0.4. There are few kinds and their labels
// come from small closed sets, so a map of counters is all that is needed.
type metrics struct {
	mu       sync.Mutex
	counters map[series]uint64
	inFlight map[string]int64
	seconds  map[string]*histogram
	status   func() []RoleStatus
	start    time.Time
}

// series is one counter: its metric and its labels, already written.
type series struct{ metric, labels string }

type histogram struct {
	buckets [len(bucketTable)]uint64
	count   uint64
	sum     float64
}

// bucketTable holds the upper bounds, in seconds, of the time to answer. Read only.
var bucketTable = [...]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

const (
	requestsMetric = "countersign_http_requests_total"
	callsMetric    = "countersign_endpoint_calls_total"
)

func newMetrics(now time.Time) *metrics {
	return &metrics{
		counters: map[series]uint64{}, inFlight: map[string]int64{}, seconds: map[string]*histogram{},
		status: func() []RoleStatus { return nil }, start: now,
	}
}

// request counts a request in; the result counts it out.
func (m *metrics) request(origin string) func(verb string, status int, took time.Duration) {
	m.mu.Lock()
	m.inFlight[origin]++
	m.mu.Unlock()
	return func(verb string, status int, took time.Duration) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.inFlight[origin]--
		m.counters[series{requestsMetric, labels("origin", origin, "method", method(verb), "status", strconv.Itoa(status))}]++
		h := m.seconds[origin]
		if h == nil {
			h = new(histogram)
			m.seconds[origin] = h
		}
		h.observe(took.Seconds())
	}
}

func (h *histogram) observe(s float64) {
	h.count++
	h.sum += s
	for i, bound := range bucketTable {
		if s <= bound {
			h.buckets[i]++
		}
	}
}

// call counts a connection between roles.
func (m *metrics) call(endpoint, caller, result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counters[series{callsMetric, labels("endpoint", endpoint, "caller", caller, "result", result)}]++
}

// labels writes {name="value",…}.
func labels(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteByte("{,"[min(i, 1)])
		value := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(pairs[i+1])
		fmt.Fprintf(&b, `%s="%s"`, pairs[i], value)
	}
	return b.String() + "}"
}

// ServeHTTP writes everything.
func (m *metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	ready := m.status() // asks the roles: not under the lock
	var b bytes.Buffer
	m.mu.Lock()
	m.writeCounters(&b, requestsMetric, "Answered HTTP requests.")
	m.writeCounters(&b, callsMetric, "Connections between roles, by result.")
	m.writeSeconds(&b)
	m.mu.Unlock()
	head(&b, "countersign_role_ready", "gauge", "1 when the role can work.")
	for _, s := range ready {
		v := 0
		if s.Ready {
			v = 1
		}
		fmt.Fprintf(&b, "countersign_role_ready%s %d\n", labels("role", s.Name), v)
	}
	m.writeProcess(&b)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes())
}

func head(b *bytes.Buffer, name, kind, help string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (m *metrics) writeCounters(b *bytes.Buffer, metric, help string) {
	head(b, metric, "counter", help)
	var lines []string
	for s, n := range m.counters {
		if s.metric == metric {
			lines = append(lines, fmt.Sprintf("%s%s %d\n", s.metric, s.labels, n))
		}
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
}

func (m *metrics) writeSeconds(b *bytes.Buffer) {
	const name = "countersign_http_request_seconds"
	head(b, "countersign_http_requests_in_flight", "gauge", "HTTP requests being answered.")
	for _, o := range slices.Sorted(maps.Keys(m.inFlight)) {
		fmt.Fprintf(b, "countersign_http_requests_in_flight%s %d\n", labels("origin", o), m.inFlight[o])
	}
	head(b, name, "histogram", "Time to answer.")
	for _, o := range slices.Sorted(maps.Keys(m.seconds)) {
		h := m.seconds[o]
		for i, bound := range bucketTable {
			fmt.Fprintf(b, "%s_bucket%s %d\n", name, labels("origin", o, "le", strconv.FormatFloat(bound, 'g', -1, 64)), h.buckets[i])
		}
		fmt.Fprintf(b, "%s_bucket%s %d\n", name, labels("origin", o, "le", "+Inf"), h.count)
		fmt.Fprintf(b, "%s_sum%s %g\n%s_count%s %d\n", name, labels("origin", o), h.sum, name, labels("origin", o), h.count)
	}
}

// writeProcess writes what every Go process has, under the names that dashboards know.
func (m *metrics) writeProcess(b *bytes.Buffer) {
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	gauge := func(name, help string, v float64) {
		head(b, name, "gauge", help)
		fmt.Fprintf(b, "%s %s\n", name, strconv.FormatFloat(v, 'g', -1, 64))
	}
	gauge("go_goroutines", "Goroutines.", float64(runtime.NumGoroutine()))
	gauge("go_memstats_heap_alloc_bytes", "Bytes of live heap objects.", float64(ms.HeapAlloc))
	gauge("go_memstats_sys_bytes", "Bytes obtained from the system.", float64(ms.Sys))
	gauge("process_start_time_seconds", "Start, as unix time.", float64(m.start.UnixMilli())/1000)
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		gauge("process_open_fds", "Open file descriptors.", float64(len(fds)))
	}
}
