-- The event log: append-only for ever. Bodies may only leave where an erasure row says so.

CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL,            -- evt_…, or the digest that names an API answer
    variant     INTEGER NOT NULL DEFAULT 0,  -- 0: the first body seen of this id; 1…: the same event in another shape
    type        TEXT    NOT NULL,
    account     TEXT    NOT NULL DEFAULT '', -- acct_…; '' for the account's own events
    livemode    INTEGER NOT NULL,
    created     INTEGER NOT NULL,            -- unix seconds, Stripe's clock
    api_version TEXT    NOT NULL DEFAULT '',
    received_at INTEGER NOT NULL,            -- unix seconds, our clock
    source      TEXT    NOT NULL,            -- webhook | replay | api
    body_bytes  INTEGER NOT NULL,            -- length of the raw body
    digest      BLOB    NOT NULL,            -- SHA-256(salt || raw body)
    UNIQUE (id, variant)
) STRICT;

CREATE TABLE event_body (
    seq   INTEGER PRIMARY KEY REFERENCES event (seq),
    salt  BLOB    NOT NULL,                  -- leaves with the body, so that the digest can't be guessed back
    codec INTEGER NOT NULL,                  -- 0 plain; others: see log/codec.rs
    bytes BLOB    NOT NULL
) STRICT;

CREATE TABLE fact (
    seq        INTEGER NOT NULL REFERENCES event (seq),
    normaliser INTEGER NOT NULL,             -- version of the normaliser that read it; the newest counts
    ordinal    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,             -- subscription, invoice, …; or ignored, unreadable, thin
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL DEFAULT '',
    customer   TEXT,
    object     TEXT,
    codec      INTEGER NOT NULL,             -- of the state: see log/codec.rs
    state      BLOB NOT NULL,             -- the fact as JSON (ledger/fact.rs), or the reason why there is none
    PRIMARY KEY (seq, normaliser, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX fact_of_customer ON fact (livemode, account, customer, seq) WHERE customer IS NOT NULL;
CREATE INDEX fact_of_object ON fact (livemode, account, object, seq) WHERE customer IS NULL AND object IS NOT NULL;
CREATE INDEX fact_unread ON fact (kind, seq) WHERE kind IN ('ignored', 'unreadable', 'thin');
CREATE INDEX fact_of_normaliser ON fact (normaliser, seq); -- finds at once what an older one read

CREATE TABLE seal (
    from_seq INTEGER NOT NULL UNIQUE, -- two sealers at once: one of them fails
    to_seq   INTEGER PRIMARY KEY,
    root     BLOB    NOT NULL,
    previous BLOB    NOT NULL
) STRICT;

CREATE TABLE erasure (
    seq       INTEGER PRIMARY KEY REFERENCES event (seq),
    erased_at INTEGER NOT NULL,
    reason    TEXT    NOT NULL
) STRICT;

CREATE TABLE lease (
    name       TEXT PRIMARY KEY,
    holder     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER event_body_no_update BEFORE UPDATE ON event_body BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER event_body_no_delete BEFORE DELETE ON event_body
    WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE erasure.seq = OLD.seq)
    BEGIN SELECT RAISE(ABORT, 'a body leaves only with a logged erasure'); END;
CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER seal_no_update BEFORE UPDATE ON seal BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER seal_no_delete BEFORE DELETE ON seal BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER erasure_no_update BEFORE UPDATE ON erasure BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER erasure_no_delete BEFORE DELETE ON erasure BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
