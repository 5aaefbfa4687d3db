package canary

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Capture records all that crosses the loopback interface until Stop. It needs root.
type Capture struct {
	fd   int
	mu   sync.Mutex
	data []byte
	done chan struct{}
	stop chan struct{}
}

// StartCapture begins to record.
func StartCapture() (*Capture, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	tv := unix.NsecToTimeval((100 * time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		unix.Close(fd)
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: 1}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	c := &Capture{fd: fd, done: make(chan struct{}), stop: make(chan struct{})}
	go c.run()
	return c, nil
}

func (c *Capture) run() {
	defer close(c.done)
	buf := make([]byte, 1<<17)
	for {
		n, from, err := unix.Recvfrom(c.fd, buf, 0)
		if ll, ok := from.(*unix.SockaddrLinklayer); err == nil && n > 0 && ok && ll.Pkttype != unix.PACKET_OUTGOING {
			c.mu.Lock()
			c.data = append(c.data, buf[:n]...)
			c.mu.Unlock()
		}
		select {
		case <-c.stop:
			return
		default:
		}
	}
}

// Stop ends the recording and returns every packet, one after the other.
func (c *Capture) Stop() []byte {
	time.Sleep(200 * time.Millisecond) // what is still in the socket's buffer
	close(c.stop)
	<-c.done
	unix.Close(c.fd)
	return c.data
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }
