package hostile

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/e2e/house"
)

// TestPrivateWebhooks runs the gateway as in production with shops whose webhook addresses lead to this machine, written
// in many ways. Nobody may knock there.
func TestPrivateWebhooks(t *testing.T) {
	t.Parallel()
	var knocked atomic.Int64
	port := ""
	for _, address := range []string{"127.0.0.1:0", "[::1]:"} { // one port on both
		ln, err := net.Listen("tcp", address+port)
		if err != nil {
			continue // no IPv6 here
		}
		defer ln.Close()
		_, port, err = net.SplitHostPort(ln.Addr().String())
		must(t, err)
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				knocked.Add(1)
				c.Close()
			}
		}()
	}
	bin, err := house.Build(t.TempDir(), "")
	must(t, err)
	dir := t.TempDir()
	secret := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	must(t, os.WriteFile(filepath.Join(dir, "hook"), []byte(secret), 0o600))
	listen := freeAddress(t)
	_, web, err := net.SplitHostPort(listen)
	must(t, err)
	var config strings.Builder
	fmt.Fprintf(&config, "data = %q\nlisten = %q\nbase_url = \"http://localhost:%s\"\negress = [\"friend.localhost:%s\"]\n[external]\n\"smsc.smpp\" = \"tcp://127.0.0.1:1\"\n[[ranges]]\nstart = \"9999900000000000\"\nend = \"9999909999999999\"\nname = \"Demo Bank\"\nacs = \"acs.3ds\"\n", dir, listen, web, port)
	hosts := []string{"127.0.0.1", "localhost", "LOCALHOST.", "shop.localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0", "[::]", "127.0.0.1.", "[64:ff9b::7f00:1]",
		"friend.localhost"} // the last one may be reached: without its knock this test could not be believed
	keys := make([]string, len(hosts))
	for i, h := range hosts {
		keys[i] = "csk_" + letters(43)
		sum := sha256.Sum256([]byte(keys[i]))
		fmt.Fprintf(&config, "[[merchants]]\nid = \"mer_%d\"\nname = \"Shop\"\nacceptor = \"SHOP%d\"\nterminal = \"WEB%d\"\nmcc = \"5942\"\ncountry = \"752\"\nsite_url = \"https://shop.example\"\nwebhook_url = \"https://%s:%s/\"\napi_key_sha256 = %q\nwebhook_secret_file = \"hook\"\n",
			i, i, i, h, port, hex.EncodeToString(sum[:]))
	}
	log := filepath.Join(dir, "output.txt")
	serve(t, bin, dir, config.String(), log)
	client := &http.Client{Timeout: 10 * time.Second}
	post := func(key, path, body string) (int, string) {
		req, err := http.NewRequest("POST", "http://"+listen+path, strings.NewReader(body))
		must(t, err)
		req.Host = "pay.localhost:" + web
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", letters(20))
		resp, err := client.Do(req)
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		b := make([]byte, 4000)
		n, _ := resp.Body.Read(b)
		return resp.StatusCode, string(b[:n])
	}
	wait(t, log, func() bool {
		status, _ := post(keys[0], "/v1/payments/x/cancel", "{}")
		return status == http.StatusNotFound
	})
	for i, key := range keys {
		status, body := post(key, "/v1/payments", `{"amount":100,"currency":"EUR","order":"o-1"}`)
		if status != http.StatusCreated {
			t.Fatalf("HTTP %d %s", status, body)
		}
		if status, body = post(key, "/v1/payments/"+text(t, []byte(body), "id")+"/cancel", "{}"); status != http.StatusOK {
			t.Errorf("shop %d: HTTP %d %s", i, status, body)
		}
	}
	wait(t, log, func() bool {
		b, err := os.ReadFile(log)
		return err == nil && strings.Count(string(b), "webhook not delivered") >= len(hosts)
	})
	if n := knocked.Load(); n != 1 {
		t.Errorf("%d webhooks went to this machine, want 1", n)
	}
}
