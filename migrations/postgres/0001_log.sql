-- The event log: append-only for ever. Bodies may only leave where an erasure row says so.

CREATE TABLE event (
    seq         BIGSERIAL PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL,            -- evt_…, or the digest that names an API answer
    variant     BIGINT NOT NULL DEFAULT 0,  -- 0: the first body seen of this id; 1…: the same event in another shape
    type        TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL DEFAULT '', -- acct_…; '' for the account's own events
    livemode    BOOLEAN NOT NULL,
    created     BIGINT NOT NULL,            -- unix seconds, Stripe's clock
    api_version TEXT COLLATE "C" NOT NULL DEFAULT '',
    received_at BIGINT NOT NULL,            -- unix seconds, our clock
    source      TEXT COLLATE "C" NOT NULL,            -- webhook | replay | api
    body_bytes  BIGINT NOT NULL,            -- length of the raw body
    digest      BYTEA NOT NULL,            -- SHA-256(salt || raw body)
    UNIQUE (id, variant)
);

CREATE TABLE event_body (
    seq   BIGINT PRIMARY KEY REFERENCES event (seq),
    salt  BYTEA NOT NULL,                  -- leaves with the body, so that the digest can't be guessed back
    codec BIGINT NOT NULL,                  -- 0 plain; others: see log/codec.rs
    bytes BYTEA NOT NULL
);

CREATE TABLE fact (
    seq        BIGINT NOT NULL REFERENCES event (seq),
    normaliser BIGINT NOT NULL,             -- version of the normaliser that read it; the newest counts
    ordinal    BIGINT NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,             -- subscription, invoice, …; or ignored, unreadable, thin
    livemode   BOOLEAN NOT NULL,
    account    TEXT COLLATE "C" NOT NULL DEFAULT '',
    customer   TEXT COLLATE "C",
    object     TEXT COLLATE "C",
    codec      BIGINT NOT NULL,             -- of the state: see log/codec.rs
    state      BYTEA NOT NULL,             -- the fact as JSON (ledger/fact.rs), or the reason why there is none
    PRIMARY KEY (seq, normaliser, ordinal)
);

CREATE INDEX fact_of_customer ON fact (livemode, account, customer, seq) WHERE customer IS NOT NULL;
CREATE INDEX fact_of_object ON fact (livemode, account, object, seq) WHERE customer IS NULL AND object IS NOT NULL;
CREATE INDEX fact_unread ON fact (kind, seq) WHERE kind IN ('ignored', 'unreadable', 'thin');
CREATE INDEX fact_of_normaliser ON fact (normaliser, seq); -- finds at once what an older one read

CREATE TABLE seal (
    from_seq BIGINT NOT NULL UNIQUE, -- two sealers at once: one of them fails
    to_seq   BIGINT PRIMARY KEY,
    root     BYTEA NOT NULL,
    previous BYTEA NOT NULL
);

CREATE TABLE erasure (
    seq       BIGINT PRIMARY KEY REFERENCES event (seq),
    erased_at BIGINT NOT NULL,
    reason    TEXT COLLATE "C" NOT NULL
);

CREATE TABLE lease (
    name       TEXT COLLATE "C" PRIMARY KEY,
    holder     TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);


CREATE FUNCTION mrrd_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only';
END $$;

CREATE FUNCTION mrrd_body_leaves_with_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM erasure WHERE erasure.seq = OLD.seq) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a body leaves only with a logged erasure';
END $$;

CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER event_body_no_update BEFORE UPDATE ON event_body FOR EACH ROW EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER event_body_no_delete BEFORE DELETE ON event_body
    FOR EACH ROW EXECUTE FUNCTION mrrd_body_leaves_with_erasure();
CREATE TRIGGER fact_no_change BEFORE UPDATE OR DELETE ON fact FOR EACH ROW EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER seal_no_change BEFORE UPDATE OR DELETE ON seal FOR EACH ROW EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER erasure_no_change BEFORE UPDATE OR DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION mrrd_append_only();

CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER event_body_no_truncate BEFORE TRUNCATE ON event_body EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON fact EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER seal_no_truncate BEFORE TRUNCATE ON seal EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER erasure_no_truncate BEFORE TRUNCATE ON erasure EXECUTE FUNCTION mrrd_append_only();

-- Sequence order is not commit order: who appends holds this lock shared until its commit, and who asks how far the
-- log may be read takes it alone for a moment. 'mrrd' in ASCII is 1836216932; 'seq' is 7562609.
CREATE FUNCTION mrrd_hold_horizon() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1836216932, 7562609);
    RETURN NULL;
END $$;
CREATE TRIGGER event_hold_horizon BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION mrrd_hold_horizon();
