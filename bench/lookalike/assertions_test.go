package lookalike

import "testing"

func TestAssertions(t *testing.T) {
	for name, run := range map[string]func() (int, []difference){"metamask": metamask, "chromium": chromium} {
		total, diffs := run()
		if total == 0 {
			t.Skip("the peers' assertions are absent: see COUNTERSIGN_DATA")
		}
		for _, d := range diffs {
			if d.Why == "" {
				t.Errorf("%s: %s wants %s, we say %s, and no reason is written", name, d.Host, d.Wanted, d.Got)
			}
		}
		t.Logf("%s: %d of %d hold", name, total-len(diffs), total)
	}
}
