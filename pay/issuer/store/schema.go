package store

// migrationTable leads from each schema version to the next; only ever appended to.
//
// The constraints say once more what the deciding core promises: floors, holds that add up, one row per
// key. A bug there becomes an error here, never false money.
var migrationTable = []string{`
CREATE TABLE holder (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT NOT NULL, locale TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
  id TEXT PRIMARY KEY,
  kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  posted INTEGER NOT NULL,
  held INTEGER NOT NULL CHECK (held >= 0),
  credit_line INTEGER NOT NULL CHECK (credit_line >= 0),
  holder TEXT REFERENCES holder(id),
  CHECK (kind <> 1 OR posted - held + credit_line >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_holder ON account (holder) WHERE holder IS NOT NULL;

CREATE TABLE code_key (
  id TEXT PRIMARY KEY, expiry_order TEXT NOT NULL CHECK (expiry_order IN ('YYMM', 'MMYY'))
) STRICT, WITHOUT ROWID;

CREATE TABLE card (
  id TEXT PRIMARY KEY,
  holder TEXT NOT NULL REFERENCES holder(id),
  account TEXT NOT NULL REFERENCES account(id),
  pan_index BLOB NOT NULL UNIQUE CHECK (length(pan_index) = 16),
  last4 TEXT NOT NULL, brand TEXT NOT NULL, name TEXT NOT NULL,
  expiry TEXT NOT NULL CHECK (length(expiry) = 4), ends INTEGER NOT NULL,
  cvk TEXT NOT NULL REFERENCES code_key(id),
  status TEXT NOT NULL, kind TEXT NOT NULL,
  lock_acquirer TEXT NOT NULL, lock_acceptor TEXT NOT NULL,
  limit_each INTEGER NOT NULL, limit_day INTEGER NOT NULL, used TEXT NOT NULL,
  seal_key TEXT NOT NULL, sealed BLOB NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX card_holder ON card (holder);

CREATE TABLE hold (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account(id),
  counter TEXT NOT NULL REFERENCES account(id),
  currency TEXT NOT NULL,
  authorised INTEGER NOT NULL CHECK (authorised >= 0),
  captured INTEGER NOT NULL CHECK (captured >= 0),
  released INTEGER NOT NULL CHECK (released >= 0),
  refunded INTEGER NOT NULL CHECK (refunded >= 0 AND refunded <= captured),
  expires INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state IN (1, 2, 3, 4)),
  CHECK (captured + released <= authorised),
  CHECK ((state = 1) = (captured + released < authorised))
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_due ON hold (expires) WHERE state = 1;

CREATE TABLE transfer (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL, code INTEGER NOT NULL, hold TEXT,
  debit TEXT NOT NULL, credit TEXT NOT NULL CHECK (credit <> debit),
  amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
  expires INTEGER, at INTEGER NOT NULL,
  prev BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER transfer_stays BEFORE UPDATE ON transfer BEGIN SELECT RAISE(ABORT, 'transfers never change'); END;
CREATE TRIGGER transfer_kept BEFORE DELETE ON transfer BEGIN SELECT RAISE(ABORT, 'transfers never go'); END;

CREATE TABLE message (
  key TEXT PRIMARY KEY,
  kind TEXT NOT NULL, card TEXT, pan_index BLOB NOT NULL,
  acquirer TEXT NOT NULL, acceptor TEXT NOT NULL, terminal TEXT NOT NULL, merchant TEXT NOT NULL,
  country TEXT NOT NULL, mcc TEXT NOT NULL,
  rrn TEXT NOT NULL, lifecycle TEXT NOT NULL, payment TEXT NOT NULL,
  amount INTEGER NOT NULL, currency TEXT NOT NULL, expiry TEXT NOT NULL,
  n INTEGER NOT NULL, m INTEGER NOT NULL, keep INTEGER NOT NULL, original TEXT NOT NULL,
  response TEXT NOT NULL, approval TEXT NOT NULL, code_result INTEGER NOT NULL, reason INTEGER NOT NULL,
  answered_lifecycle TEXT NOT NULL, hold TEXT, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_hold ON message (hold) WHERE kind = 'purchase' AND hold IS NOT NULL;
CREATE INDEX message_life ON message (lifecycle, acquirer, at) WHERE kind = 'purchase' AND hold IS NOT NULL;
CREATE INDEX message_card ON message (card, at) WHERE card IS NOT NULL AND kind = 'purchase';
CREATE TRIGGER message_stays BEFORE UPDATE ON message BEGIN SELECT RAISE(ABORT, 'answers never change'); END;
CREATE TRIGGER message_kept BEFORE DELETE ON message BEGIN SELECT RAISE(ABORT, 'answers never go'); END;

CREATE TABLE wrong_code (
  card TEXT NOT NULL, at INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (card, at, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE spent_proof (value BLOB PRIMARY KEY, key TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE early_reversal (original TEXT PRIMARY KEY, key TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
  holder TEXT NOT NULL, card TEXT NOT NULL, lifecycle TEXT NOT NULL, body TEXT NOT NULL,
  prev BLOB NOT NULL, link BLOB NOT NULL
) STRICT;
CREATE INDEX journal_holder ON journal (holder, seq) WHERE holder <> '';
CREATE TRIGGER journal_stays BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal never changes'); END;
CREATE TRIGGER journal_kept BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal never goes'); END;
`}
