package brands

import "strings"

// Format writes a brand as a block of a catalogue file.
func Format(b *Brand) string {
	var w strings.Builder
	line := func(key, value string) {
		if value != "" {
			w.WriteString(key + strings.Repeat(" ", 9-len(key)) + value + "\n")
		}
	}
	list := func(key string, items []string) {
		for len(items) > 0 {
			n, width := 0, 0
			for n < len(items) && (n == 0 || width+len(items[n]) < 100) {
				width += len(items[n]) + 1
				n++
			}
			line(key, strings.Join(items[:n], " "))
			items = items[n:]
		}
	}
	w.WriteString("[" + b.ID + "]\n")
	line("name", b.Name)
	line("sector", b.Sector)
	line("country", b.Country)
	line("kind", b.Kind.String())
	list("shop", b.Shop)
	list("owned", b.Owned)
	list("names", b.Names)
	for _, s := range b.Sources {
		line("source", s.Ref+" "+s.Date)
	}
	line("checked", b.Checked)
	return w.String()
}
