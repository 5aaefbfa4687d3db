package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"sort"
)

// Film collects pictures of a journey and makes an animated GIF of them.
type Film struct {
	frames []image.Image
	delays []int // hundredths of a second
}

// Shoot adds the tab's window, to be shown for so many hundredths of a second.
func (f *Film) Shoot(tab *Tab, hundredths int) {
	tab.t.Helper()
	img, err := png.Decode(bytes.NewReader(tab.Picture()))
	tab.do("film", err)
	f.frames, f.delays = append(f.frames, img), append(f.delays, hundredths)
}

// Write writes the GIF; the folder is made.
func (f *Film) Write(path string) error {
	out := gif.GIF{Delay: f.delays}
	for _, img := range f.frames {
		out.Image = append(out.Image, Palette(img))
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &out); err != nil {
		return err
	}
	return write(path, b.Bytes())
}

// Shot writes the tab's window as a PNG; the folder is made.
func (tab *Tab) Shot(path string) {
	tab.t.Helper()
	img, err := png.Decode(bytes.NewReader(tab.Picture()))
	tab.do("shot", err)
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	tab.do("shot", enc.Encode(&b, img))
	tab.do("shot", write(path, b.Bytes()))
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// Palette reduces an image to 256 colours without dithering: the means of the boxes of a median cut. Pages have few
// colours, so it looks the same.
func Palette(img image.Image) *image.Paletted {
	bounds := img.Bounds()
	count := map[[3]uint8]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[rgb(img.At(x, y))]++
		}
	}
	boxes := cut(count, 256)
	out := image.NewPaletted(image.Rect(0, 0, bounds.Dx(), bounds.Dy()), nil)
	index := map[[3]uint8]uint8{}
	for i, box := range boxes {
		out.Palette = append(out.Palette, mean(box, count))
		for _, c := range box {
			index[c] = uint8(i)
		}
	}
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			out.SetColorIndex(x, y, index[rgb(img.At(bounds.Min.X+x, bounds.Min.Y+y))])
		}
	}
	return out
}

func rgb(c color.Color) [3]uint8 {
	r, g, b, _ := c.RGBA()
	return [3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
}

// cut splits the colours into at most n boxes, always the one with the largest spread at its middle pixel.
func cut(count map[[3]uint8]int, n int) [][][3]uint8 {
	var all [][3]uint8
	for c := range count {
		all = append(all, c)
	}
	less := func(list [][3]uint8, ch int) func(i, j int) bool {
		return func(i, j int) bool {
			a, b := list[i], list[j]
			for k := range 3 {
				if x := (ch + k) % 3; a[x] != b[x] {
					return a[x] < b[x]
				}
			}
			return false
		}
	}
	sort.Slice(all, less(all, 0)) // the same boxes each time
	boxes := [][][3]uint8{all}
	for len(boxes) < n {
		best, at, ch := 0, -1, 0
		for i, box := range boxes {
			if c, w := spread(box); w > best {
				best, at, ch = w, i, c
			}
		}
		if at < 0 {
			break
		}
		box := boxes[at]
		sort.Slice(box, less(box, ch))
		i := half(box, count)
		boxes[at] = box[:i]
		boxes = append(boxes, box[i:])
	}
	return boxes
}

// spread is the channel with the widest range in a box, and how wide it is.
func spread(box [][3]uint8) (channel, width int) {
	for ch := range 3 {
		lo, hi := 255, 0
		for _, c := range box {
			lo, hi = min(lo, int(c[ch])), max(hi, int(c[ch]))
		}
		if hi-lo > width {
			channel, width = ch, hi-lo
		}
	}
	return channel, width
}

// half is where to cut a sorted box so that both parts have about as many pixels, and neither is empty.
func half(box [][3]uint8, count map[[3]uint8]int) int {
	total, sum := 0, 0
	for _, c := range box {
		total += count[c]
	}
	for i, c := range box {
		if sum += count[c]; sum*2 >= total {
			return min(max(i, 1), len(box)-1)
		}
	}
	return len(box) / 2
}

func mean(box [][3]uint8, count map[[3]uint8]int) color.Color {
	var s [3]int
	n := 0
	for _, c := range box {
		for ch := range 3 {
			s[ch] += int(c[ch]) * count[c]
		}
		n += count[c]
	}
	return color.RGBA{uint8(s[0] / n), uint8(s[1] / n), uint8(s[2] / n), 255}
}
