-- The gateway's books. Times are unix milliseconds, amounts minor units. No column can hold a card number in the
-- clear or a security code: the number lies encrypted in card.box, and the code never reaches the disk.

CREATE TABLE merchant (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, acceptor TEXT NOT NULL, site TEXT NOT NULL, webhook TEXT NOT NULL,
  active INTEGER NOT NULL, disabled INTEGER, changed INTEGER NOT NULL   -- disabled: when the webhook address answered 410
) STRICT;

CREATE TABLE api_key (
  hash BLOB PRIMARY KEY, merchant TEXT NOT NULL REFERENCES merchant(id), created INTEGER NOT NULL, retired INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE payment (
  id TEXT PRIMARY KEY, merchant TEXT NOT NULL REFERENCES merchant(id), state TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, mode TEXT NOT NULL CHECK (mode IN ('automatic','manual')),
  reference TEXT NOT NULL, description TEXT NOT NULL, return_url TEXT NOT NULL, metadata TEXT NOT NULL, frame_key TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER NOT NULL, changed INTEGER NOT NULL,
  authorised INTEGER NOT NULL, captured INTEGER NOT NULL, refunded INTEGER NOT NULL, hold_until INTEGER, refund_until INTEGER,
  decline_code TEXT, decline_message TEXT, decline_retry INTEGER,
  version INTEGER NOT NULL, events INTEGER NOT NULL, due INTEGER,
  CHECK (0 <= refunded AND refunded <= captured AND captured <= authorised AND authorised <= amount)
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_due ON payment (due) WHERE due IS NOT NULL;
CREATE INDEX payment_list ON payment (merchant, id);
CREATE INDEX payment_open ON payment (state) WHERE state IN ('processing','needs_confirmation');

CREATE TABLE attempt (
  payment TEXT NOT NULL REFERENCES payment(id), n INTEGER NOT NULL, nonce TEXT NOT NULL, state TEXT NOT NULL,
  brand TEXT NOT NULL, last4 TEXT NOT NULL, holder TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, until INTEGER,
  server_trans TEXT, acs_trans TEXT NOT NULL, ds_trans TEXT NOT NULL, acs_url TEXT NOT NULL, creq TEXT NOT NULL,
  status TEXT NOT NULL, reason TEXT NOT NULL, challenge TEXT NOT NULL, eci TEXT NOT NULL, cavv TEXT NOT NULL, protocol TEXT NOT NULL,
  stan INTEGER, transmitted INTEGER, rrn TEXT, lifecycle TEXT NOT NULL,
  response TEXT NOT NULL, approval TEXT NOT NULL, code_result INTEGER NOT NULL, doubt INTEGER NOT NULL,
  decline_code TEXT, decline_message TEXT, decline_retry INTEGER, pan_kept INTEGER NOT NULL,
  PRIMARY KEY (payment, n), UNIQUE (payment, nonce)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attempt_server_trans ON attempt (server_trans) WHERE server_trans IS NOT NULL;
CREATE UNIQUE INDEX attempt_trace ON attempt (stan, transmitted) WHERE stan IS NOT NULL;

CREATE TABLE movement (
  id TEXT PRIMARY KEY, payment TEXT NOT NULL REFERENCES payment(id), i INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('capture','refund')), amount INTEGER NOT NULL CHECK (amount > 0), state TEXT NOT NULL,
  reason TEXT NOT NULL, stan INTEGER NOT NULL, transmitted INTEGER NOT NULL, rrn TEXT NOT NULL,
  created INTEGER NOT NULL, settled INTEGER, response TEXT NOT NULL,
  UNIQUE (payment, i), UNIQUE (stan, transmitted)
) STRICT, WITHOUT ROWID;

CREATE TABLE card (  -- the vault: AES-256-GCM, additional data = payment and attempt
  payment TEXT NOT NULL, attempt INTEGER NOT NULL, key_id TEXT NOT NULL, box BLOB NOT NULL,
  PRIMARY KEY (payment, attempt), FOREIGN KEY (payment, attempt) REFERENCES attempt (payment, n) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE advice (  -- what the bank must still be told
  id TEXT PRIMARY KEY, payment TEXT NOT NULL, attempt INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('capture','refund','cancel','reversal')), movement TEXT NOT NULL,
  stan INTEGER NOT NULL, transmitted INTEGER NOT NULL, rrn TEXT NOT NULL,
  original_stan INTEGER NOT NULL, original_transmitted INTEGER NOT NULL, original_rrn TEXT NOT NULL,
  amount INTEGER NOT NULL, currency TEXT NOT NULL, lifecycle TEXT NOT NULL, part INTEGER NOT NULL, parts INTEGER NOT NULL,
  created INTEGER NOT NULL, next INTEGER NOT NULL, tries INTEGER NOT NULL, sent INTEGER NOT NULL,
  UNIQUE (stan, transmitted), FOREIGN KEY (payment, attempt) REFERENCES attempt (payment, n) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE numbers (id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL, lap INTEGER NOT NULL, floor INTEGER NOT NULL) STRICT;
INSERT INTO numbers VALUES (1, 0, 0, 0);

CREATE TABLE idempotency (
  merchant TEXT NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL, created INTEGER NOT NULL,
  payment TEXT NOT NULL,
  PRIMARY KEY (merchant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created);

CREATE TABLE outbox (
  id TEXT PRIMARY KEY, merchant TEXT NOT NULL, payment TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL,
  created INTEGER NOT NULL, next INTEGER, tries INTEGER NOT NULL, delivered INTEGER, -- next NULL: delivered or given up
  UNIQUE (payment, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_next ON outbox (next) WHERE next IS NOT NULL;
CREATE INDEX outbox_line ON outbox (payment, seq) WHERE next IS NOT NULL;

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, payment TEXT NOT NULL, version INTEGER NOT NULL,
  what TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL  -- SHA-256 of the hash before and this row
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
