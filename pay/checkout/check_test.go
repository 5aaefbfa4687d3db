package checkout

import (
	"context"
	"strings"
	"testing"
	"time"

	"countersign/sql"

	"countersign/pay/checkout/store"
)

// TestCheckBites plants one mistake after the other into good books; the checker must name each.
func TestCheckBites(t *testing.T) {
	h := newHouse(t)
	p, q, r := h.create(1000, "automatic"), h.create(1000, "manual"), h.create(1000, "automatic")
	h.pay(p)
	h.untilStatus(p.ID, "captured")
	h.api("POST", "/v1/payments/"+p.ID+"/refunds", fresh(), `{"amount":100}`)
	h.until(p.ID, func(p paid) bool { return p.Refunded == 100 })
	h.pay(q)
	lost := make([]string, 100)
	for i := range lost {
		lost[i] = "lost"
	}
	h.bank.say([]string{"answer lost"}, lost) // r stays in doubt
	h.pay(r)
	h.until(r.ID, func(p paid) bool { return p.Status == "needs_card" })
	h.stop()
	path := h.dir + "/checkout.db"
	report, err := Check(context.Background(), path)
	if err != nil || report.Payments != 3 || report.InDoubt != 1 || report.Advices != 1 || report.Records < 12 {
		t.Fatalf("%+v %v", report, err)
	}
	for _, c := range []struct{ want, plant string }{
		{"sum of refunds", "UPDATE payment SET refunded = 0 WHERE id = ?1"},
		{"sum of captures", "UPDATE payment SET captured = 900 WHERE id = ?1"},
		{"refunds on their way", "UPDATE movement SET amount = 1001 WHERE payment = ?1 AND kind = 'refund'"},
		{"two messages have the same numbers", "UPDATE movement SET (stan, transmitted) = (SELECT stan, transmitted FROM attempt WHERE payment = ?2) WHERE payment = ?1 AND kind = 'refund'"},
		{"paid without", "UPDATE attempt SET cavv = '' WHERE payment = ?2"},
		{"paid without", "UPDATE attempt SET state = 'refused' WHERE payment = ?2"},
		{"approved, but not paid", "UPDATE payment SET state = 'cancelled', authorised = 0 WHERE id = ?2"},
		{"more than one hold", "INSERT INTO attempt SELECT payment, 2, nonce || 'x', state, brand, last4, holder, started, ended, until, NULL, acs_trans, ds_trans, acs_url, creq, status, reason, challenge, eci, cavv, protocol, stan + 1000, transmitted, rrn, lifecycle, response, approval, code_result, doubt, NULL, NULL, NULL, 0 FROM attempt WHERE payment = ?2"},
		{"in doubt, and no reversal", "DELETE FROM advice WHERE payment = ?3"},
		{"for nothing", "UPDATE attempt SET state = 'reversed' WHERE payment = ?3"},
		{"names another", "UPDATE advice SET original_stan = 77 WHERE payment = ?3"},
		{"pending, and not queued", "UPDATE movement SET state = 'pending' WHERE payment = ?1 AND kind = 'refund'"},
		{"gone", "DELETE FROM card WHERE payment = ?2"},
		{"kept for nothing", "UPDATE attempt SET pan_kept = 0 WHERE payment = ?2"},
		{"state and sums", "UPDATE payment SET state = 'authorised' WHERE id = ?1"},
		{"points nowhere", "UPDATE idempotency SET merchant = 'x' WHERE payment = ?1"},
		{"gap", "UPDATE payment SET events = 0 WHERE id = ?1"},
		{"without its audit record", "UPDATE payment SET version = version + 1 WHERE id = ?1"},
		{"chain broken", "UPDATE audit SET detail = 'x' WHERE seq = 3"},
		{"chain broken", "DELETE FROM audit WHERE seq = 5"},
		{"chain broken", "UPDATE audit SET at = at + 1 WHERE seq = (SELECT max(seq) FROM audit)"},
		{"without its audit record", "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"},
	} {
		again := h.copied(t)
		plant(t, again, c.plant, p.ID, q.ID, r.ID)
		if _, err := Check(context.Background(), again); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.plant, err)
		}
	}
	if _, err := Check(context.Background(), path); err != nil {
		t.Error("the good books:", err)
	}
	h.run = nil
}

// plant changes a database behind the gateway's back.
func plant(t *testing.T, path, statement string, ids ...string) {
	t.Helper()
	db, err := sql.Open(path, store.Migrations(), sql.Options{Pragmas: []string{"PRAGMA foreign_keys=OFF", "PRAGMA ignore_check_constraints=ON"}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = db.Write(ctx, func(c *sql.Conn) error {
		for _, trigger := range []string{"audit_no_update", "audit_no_delete"} {
			if err := c.Exec("DROP TRIGGER " + trigger); err != nil {
				return err
			}
		}
		args := []any{}
		for i, id := range ids {
			if strings.Contains(statement, "?"+string(rune('1'+i))) {
				args = append(args, id)
				statement = strings.ReplaceAll(statement, "?"+string(rune('1'+i)), "?"+string(rune('0'+len(args))))
			}
		}
		if err := c.Exec(statement, args...); err != nil {
			return err
		}
		if c.Changes() == 0 {
			t.Error("planted nothing:", statement)
		}
		return nil
	})
	if err != nil {
		t.Fatal(statement, err)
	}
}

// TestAuditIsAppendOnly: the tables themselves refuse to forget.
func TestAuditIsAppendOnly(t *testing.T) {
	h := newHouse(t)
	h.create(100, "manual")
	h.stop()
	db, err := sql.Open(h.dir+"/checkout.db", store.Migrations(), sql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range []string{"DELETE FROM audit", "UPDATE audit SET what = 'x'", "UPDATE payment SET refunded = 1"} {
		if err := db.Write(context.Background(), func(c *sql.Conn) error { return c.Exec(s) }); err == nil {
			t.Errorf("%s: accepted", s)
		}
	}
}
