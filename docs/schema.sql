-- The schema as it stands after every migration, as SQLite has it; PostgreSQL has the same tables and columns in one
-- database, with its own types, bodies in a partition for each month, and triggers of its own (migrations/postgres).
-- First the log and the records beside it, then what is derived, which can be deleted and is made again.

-- mrrd.db
CREATE TABLE access_session (
    digest     TEXT    NOT NULL PRIMARY KEY,   -- SHA-256 of what the cookie holds, hex
    token      TEXT    NOT NULL,               -- digest of the token it was opened with: it ends with that token
    created_at INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    address    TEXT    NOT NULL                -- from where it was opened
) STRICT;
CREATE INDEX access_session_ends ON access_session (ends_at);
CREATE TABLE access_token (
    id         TEXT    NOT NULL PRIMARY KEY,   -- names it in lists; opens nothing
    digest     TEXT    NOT NULL UNIQUE,        -- SHA-256 of the token, hex
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,               -- viewer or admin
    created_at INTEGER NOT NULL,               -- unix seconds, our clock
    revoked_at INTEGER
) STRICT;
CREATE TABLE alert (
    id              TEXT    NOT NULL PRIMARY KEY,   -- a hash of ledger, rule and episode: found again, it is the same
    rule            TEXT    NOT NULL,
    subject         TEXT    NOT NULL,               -- what of the rule's this is about: a movement, a currency, or ''
    day             TEXT    NOT NULL,               -- the accounting day it fired on
    raised_at       INTEGER NOT NULL,               -- unix seconds, our clock
    headline        TEXT    NOT NULL,
    content         TEXT    NOT NULL,               -- all it says, as JSON
    silenced        TEXT,                           -- why nobody was told; null where the channels were
    closed_at       INTEGER,                        -- when its episode was seen to be over; null while it goes on
    closed_why      TEXT,
    acknowledged_at INTEGER,
    acknowledged_by TEXT,
    version INTEGER NOT NULL DEFAULT 1, -- the one that content tells
    updated_at INTEGER, -- when it was last told again; null in the first version
    taken_back INTEGER NOT NULL DEFAULT 0 -- it turned out to be none, and silences nothing
) STRICT;
CREATE INDEX alert_by_time ON alert (raised_at, id);
CREATE TABLE annotation (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    first_day  TEXT    NOT NULL,
    last_day   TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    kind TEXT NOT NULL DEFAULT 'planned'
) STRICT;
CREATE TRIGGER audit_trail_no_delete BEFORE DELETE ON audit_trail BEGIN SELECT RAISE(ABORT, 'the audit trail stays as it was written'); END;
CREATE TRIGGER audit_trail_no_update BEFORE UPDATE ON audit_trail BEGIN SELECT RAISE(ABORT, 'the audit trail stays as it was written'); END;
CREATE TABLE audit_trail (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,               -- unix seconds, our clock
    who     TEXT    NOT NULL,               -- a token's name, a proxy's user, or the user of a command
    by      TEXT    NOT NULL,               -- token, session, proxy, command or mrrd
    address TEXT    NOT NULL,               -- from where; '' for a command on the machine itself
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,               -- what of: a month, an alert's id, a rule, a file
    detail  TEXT    NOT NULL
) STRICT;
CREATE TRIGGER closing_no_delete BEFORE DELETE ON closing BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_no_update BEFORE UPDATE ON closing BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TABLE "closing" (
    profile   TEXT    NOT NULL,
    month     TEXT    NOT NULL,              -- 2026-10
    seq       INTEGER NOT NULL,              -- the log up to here made the figures
    closed_at INTEGER NOT NULL,              -- unix seconds, our clock
    inputs    TEXT    NOT NULL,              -- the profile's knobs, zone, versions of ledger and normaliser
    hash      TEXT    NOT NULL,              -- SHA-256 of month, seq and inputs
    revision  INTEGER NOT NULL,              -- 1 as it was first closed; the greatest holds
    who       TEXT    NOT NULL,              -- '' where it was closed before this was kept
    reason    TEXT    NOT NULL,              -- why it took the place of the one before; '' for the first
    PRIMARY KEY (profile, month, revision)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER closing_customer_no_delete BEFORE DELETE ON closing_customer BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_customer_no_update BEFORE UPDATE ON closing_customer BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TABLE "closing_customer" (
    profile  TEXT    NOT NULL,
    month    TEXT    NOT NULL,
    livemode INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    customer TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    opening  INTEGER NOT NULL,               -- 10⁻⁶ minor units
    closing  INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (profile, month, revision, livemode, account, customer, currency)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER closing_movement_no_delete BEFORE DELETE ON closing_movement BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_movement_no_update BEFORE UPDATE ON closing_movement BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TABLE "closing_movement" (
    profile      TEXT    NOT NULL,
    month        TEXT    NOT NULL,
    livemode     INTEGER NOT NULL,
    account      TEXT    NOT NULL,
    customer     TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    day          TEXT    NOT NULL,
    effective_at INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    amount       INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    PRIMARY KEY (profile, month, revision, livemode, account, customer, id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER closing_total_no_delete BEFORE DELETE ON closing_total BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_total_no_update BEFORE UPDATE ON closing_total BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TABLE "closing_total" (
    profile  TEXT    NOT NULL,
    month    TEXT    NOT NULL,
    livemode INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    line     TEXT    NOT NULL,               -- opening, closing, or the kind of movement summed
    amount   TEXT    NOT NULL,               -- 10⁻⁶ minor units: a sum may be longer than a column of integers
    revision INTEGER NOT NULL,
    PRIMARY KEY (profile, month, revision, livemode, account, currency, line)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER erasure_no_delete BEFORE DELETE ON erasure BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER erasure_no_update BEFORE UPDATE ON erasure BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TABLE erasure (
    seq       INTEGER PRIMARY KEY REFERENCES event (seq),
    erased_at INTEGER NOT NULL,
    reason    TEXT    NOT NULL
) STRICT;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
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
CREATE TRIGGER event_body_no_delete BEFORE DELETE ON event_body
    WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE erasure.seq = OLD.seq)
    BEGIN SELECT RAISE(ABORT, 'a body leaves only with a logged erasure'); END;
CREATE TRIGGER event_body_no_update BEFORE UPDATE ON event_body BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TABLE event_body (
    seq   INTEGER PRIMARY KEY REFERENCES event (seq),
    salt  BLOB    NOT NULL,                  -- leaves with the body, so that the digest can't be guessed back
    codec INTEGER NOT NULL,                  -- 0 plain; others: see log/codec.rs
    bytes BLOB    NOT NULL
) STRICT;
CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
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
CREATE INDEX fact_of_normaliser ON fact (normaliser, seq);
CREATE INDEX fact_of_object ON fact (livemode, account, object, seq) WHERE customer IS NULL AND object IS NOT NULL;
CREATE INDEX fact_unread ON fact (kind, seq) WHERE kind IN ('ignored', 'unreadable', 'thin');
CREATE TABLE feed_entry (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,  -- the cursor
    movement   TEXT    NOT NULL,
    version    INTEGER NOT NULL,                   -- 1 as it was first seen; one more with each correction
    change     TEXT    NOT NULL,                   -- created, corrected or removed
    customer   TEXT    NOT NULL,
    day        TEXT    NOT NULL,                   -- its accounting day
    digest     TEXT    NOT NULL,                   -- of what it says, to tell whether it changed
    content    TEXT    NOT NULL,                   -- the movement as JSON; of a removed one as it last was
    previous   TEXT,                               -- what was told before; null in the first version
    created_at INTEGER NOT NULL,                   -- unix seconds, our clock
    UNIQUE (movement, version)
) STRICT;
CREATE INDEX feed_entry_by_day ON feed_entry (day, position);
CREATE TABLE fx_import (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- the greatest one tells whether anything was imported since
    imported_at INTEGER NOT NULL,                  -- unix seconds, our clock
    rates       INTEGER NOT NULL                   -- how many were new or other than before
) STRICT;
CREATE TABLE fx_rate (
    base     TEXT    NOT NULL,               -- the currency the file's rates are told against
    day      TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    rate     TEXT    NOT NULL,               -- a decimal, as written
    per_base INTEGER NOT NULL,               -- 1: units of currency for one of base; 0: units of base for one of currency
    PRIMARY KEY (base, day, currency)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER goal_no_delete BEFORE DELETE ON goal BEGIN SELECT RAISE(ABORT, 'a goal stays as it was set'); END;
CREATE TRIGGER goal_no_update BEFORE UPDATE ON goal BEGIN SELECT RAISE(ABORT, 'a goal stays as it was set'); END;
CREATE TABLE goal (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL,            -- the latest of a name is the one that runs
    metric     TEXT    NOT NULL,
    target     TEXT    NOT NULL,            -- a decimal: minor units, customers or a share of 1
    currency   TEXT    NOT NULL,            -- whose ledger: a currency's own, or 'reporting'
    profile    TEXT    NOT NULL,            -- whose rules
    account    TEXT    NOT NULL,            -- '' for the account's own events, 'all', or a connected account
    first_day  TEXT    NOT NULL,            -- the first that counts
    last_day   TEXT    NOT NULL,            -- the one at whose end it is due
    owner      TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    created_at INTEGER NOT NULL             -- unix seconds, our clock
) STRICT;
CREATE TRIGGER goal_end_no_delete BEFORE DELETE ON goal_end BEGIN SELECT RAISE(ABORT, 'the end of a goal stays'); END;
CREATE TRIGGER goal_end_no_update BEFORE UPDATE ON goal_end BEGIN SELECT RAISE(ABORT, 'the end of a goal stays'); END;
CREATE TABLE goal_end (
    goal       INTEGER PRIMARY KEY REFERENCES goal (id),
    reason     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER import_no_delete BEFORE DELETE ON import BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_no_update BEFORE UPDATE ON import BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TABLE import (
    id          INTEGER PRIMARY KEY,         -- 1, 2, 3, … without a hole
    kind        TEXT    NOT NULL,            -- attributes
    recorded_at INTEGER NOT NULL,            -- unix seconds, our clock
    log_seq     INTEGER NOT NULL,            -- the log's end then: known to whoever asks as of a later place
    who         TEXT    NOT NULL,            -- by whom, as the audit trail has it
    file        TEXT    NOT NULL,            -- what the file was called; '' for none
    taken       INTEGER NOT NULL,            -- rows
    set_aside   INTEGER NOT NULL,            -- lines that couldn't be taken
    seal        BLOB    NOT NULL             -- SHA-256 of the seal before, these columns, every row and every line set aside
) STRICT;
CREATE TRIGGER import_attribute_no_delete BEFORE DELETE ON import_attribute BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_attribute_no_update BEFORE UPDATE ON import_attribute BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TABLE import_attribute (
    import       INTEGER NOT NULL,
    line         INTEGER NOT NULL,           -- of the file, from 1
    metadata_key TEXT    NOT NULL,           -- '': customer is Stripe's id; else whoever's metadata has customer under this key
    customer     TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    value        TEXT    NOT NULL,           -- '': from that day on there is none
    valid_from   TEXT    NOT NULL,           -- day in the ledger's zone
    PRIMARY KEY (import, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_attribute_by_key ON import_attribute (key);
CREATE TRIGGER import_set_aside_no_delete BEFORE DELETE ON import_set_aside BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_set_aside_no_update BEFORE UPDATE ON import_set_aside BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TABLE import_set_aside (
    import INTEGER NOT NULL,
    line   INTEGER NOT NULL,
    reason TEXT    NOT NULL,                 -- what is wrong with it; never what it says of people
    PRIMARY KEY (import, line)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER import_spend_no_delete BEFORE DELETE ON import_spend BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_spend_no_update BEFORE UPDATE ON import_spend BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TABLE import_spend (
    import   INTEGER NOT NULL,
    line     INTEGER NOT NULL,           -- of the file, from 1
    month    TEXT    NOT NULL,           -- YYYY-MM
    currency TEXT    NOT NULL,
    kind     TEXT    NOT NULL,           -- sales, marketing, cost_of_service, operating
    segment  TEXT    NOT NULL,           -- '': the whole company's
    amount   TEXT    NOT NULL,           -- a decimal of minor units
    PRIMARY KEY (import, line)
) STRICT, WITHOUT ROWID;
CREATE TABLE lease (
    name       TEXT PRIMARY KEY,
    holder     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    renewals INTEGER NOT NULL DEFAULT 0,
    place TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TRIGGER log_identity_no_delete BEFORE DELETE ON log_identity BEGIN SELECT RAISE(ABORT, 'a log keeps its identity'); END;
CREATE TRIGGER log_identity_no_update BEFORE UPDATE ON log_identity BEGIN SELECT RAISE(ABORT, 'a log keeps its identity'); END;
CREATE TABLE log_identity (
    id TEXT PRIMARY KEY
) STRICT;
CREATE TABLE mute (
    rule       TEXT    NOT NULL PRIMARY KEY,
    until      INTEGER NOT NULL,                    -- unix seconds
    note       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE "outbox" (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    alert        TEXT    NOT NULL,                  -- a test's id is of no alert
    event        TEXT    NOT NULL,                  -- raised, updated, closed or test
    channel      TEXT    NOT NULL,                  -- its name in the configuration
    message      TEXT    NOT NULL,                  -- in every form, as JSON
    state        TEXT    NOT NULL,                  -- waiting, delivered or failed
    created_at   INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,                  -- not tried before
    delivered_at INTEGER,
    last_error   TEXT,                              -- free of secrets
    version      INTEGER NOT NULL DEFAULT 1,        -- of the alert, where the event is an update
    UNIQUE (alert, event, version, channel)
) STRICT;
CREATE INDEX outbox_due ON outbox (channel, next_at) WHERE state = 'waiting';
CREATE TABLE progress (
    name  TEXT PRIMARY KEY,
    place TEXT NOT NULL
) STRICT;
CREATE TRIGGER seal_no_delete BEFORE DELETE ON seal BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER seal_no_update BEFORE UPDATE ON seal BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TABLE seal (
    from_seq INTEGER NOT NULL UNIQUE, -- two sealers at once: one of them fails
    to_seq   INTEGER PRIMARY KEY,
    root     BLOB    NOT NULL,
    previous BLOB    NOT NULL
) STRICT;
CREATE TRIGGER segment_version_no_delete BEFORE DELETE ON segment_version BEGIN SELECT RAISE(ABORT, 'a segment stays as it was saved'); END;
CREATE TRIGGER segment_version_no_update BEFORE UPDATE ON segment_version BEGIN SELECT RAISE(ABORT, 'a segment stays as it was saved'); END;
CREATE TABLE segment_version (
    id          INTEGER PRIMARY KEY,         -- 1, 2, 3, … without a hole; the latest of a name is the one that holds
    name        TEXT    NOT NULL,
    condition   TEXT    NOT NULL,            -- as the language writes it; '': the name means nothing from here on
    recorded_at INTEGER NOT NULL,            -- unix seconds, our clock
    log_seq     INTEGER NOT NULL,            -- the log's end then: known to whoever asks as of a later place
    who         TEXT    NOT NULL             -- by whom, as the audit trail has it
) STRICT;
CREATE TABLE sqlite_sequence(name,seq);
CREATE VIEW v_event AS
SELECT e.seq, e.id, e.variant, e.type, e.account, e.livemode, strftime('%Y-%m-%dT%H:%M:%SZ', e.created,
  'unixepoch') AS created, e.api_version,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.received_at, 'unixepoch') AS received_at, e.source, e.body_bytes,
       COALESCE((SELECT CASE WHEN f.kind IN ('ignored', 'unreadable', 'thin') THEN f.kind ELSE 'read' END
                 FROM fact f WHERE f.seq = e.seq ORDER BY f.normaliser DESC, f.ordinal LIMIT 1), 'unread') AS reading,
       EXISTS (SELECT 1 FROM erasure x WHERE x.seq = e.seq) AS erased
FROM event e;

-- mrrd.derived.db
CREATE TABLE cohort_day (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    currency TEXT NOT NULL,
    cohort TEXT NOT NULL, -- the month of first MRR: 2026-10
    day TEXT NOT NULL,
    items INTEGER NOT NULL, -- customers who add anything on this day
    mrr INTEGER NOT NULL,
    mrr_rest INTEGER NOT NULL,
    active INTEGER NOT NULL, -- customers with MRR
    members INTEGER NOT NULL, -- customers who ever had an amount
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, cohort, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE count_delta (
    generation    INTEGER NOT NULL,
    profile       TEXT    NOT NULL,
    livemode      INTEGER NOT NULL,
    account       TEXT    NOT NULL,
    customer      TEXT    NOT NULL,
    ordinal       INTEGER NOT NULL,
    test_clock    TEXT    NOT NULL DEFAULT '',
    at            INTEGER NOT NULL,
    day           TEXT    NOT NULL,
    currency      TEXT    NOT NULL,          -- '' counts over all currencies
    customers     INTEGER NOT NULL,
    subscriptions INTEGER NOT NULL,
    trials        INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX count_delta_lost ON count_delta (generation, profile, livemode, account, customer, ordinal) WHERE currency = '' AND customers < 0;
CREATE TABLE customer_digest (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    customer TEXT NOT NULL,
    items INTEGER NOT NULL, -- 1
    digest INTEGER NOT NULL, -- 62 bits of the SHA-256 of all its rows …
    digest_rest INTEGER NOT NULL, -- … and 62 more
    PRIMARY KEY (generation, profile, livemode, account, test_clock, customer)
) STRICT, WITHOUT ROWID;
CREATE TABLE customer_ledger (
    generation   INTEGER NOT NULL,
    profile      TEXT    NOT NULL,
    livemode     INTEGER NOT NULL,
    account      TEXT    NOT NULL,
    customer     TEXT    NOT NULL,
    test_clock   TEXT    NOT NULL DEFAULT '',
    country      TEXT,
    first_mrr_at INTEGER,
    metadata     TEXT    NOT NULL DEFAULT '{}', -- configured keys only
    PRIMARY KEY (generation, profile, livemode, account, customer)
) STRICT, WITHOUT ROWID;
CREATE TABLE customer_mrr (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    customer TEXT NOT NULL,
    currency TEXT NOT NULL,
    items INTEGER NOT NULL, -- rows of item_delta, those dated ahead among them
    amount INTEGER NOT NULL,
    amount_rest INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, customer, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_mrr_by_amount ON customer_mrr
    (generation, profile, livemode, account, test_clock, currency, (amount + amount_rest / 1000000) DESC, customer);
CREATE TABLE customer_name (
    livemode INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    customer TEXT    NOT NULL,
    at       INTEGER NOT NULL, -- the state that says so: one that is older and comes later says nothing
    seq      INTEGER NOT NULL, -- its place in the log
    name     TEXT    NOT NULL, -- '' where it says none
    email    TEXT    NOT NULL,
    search   TEXT    NOT NULL, -- both in lower case
    name_lower TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (livemode, account, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_name_in_order ON customer_name (livemode, account, name_lower, customer) WHERE name_lower <> '';
CREATE TABLE day_amount (
    generation           INTEGER NOT NULL,
    profile              TEXT    NOT NULL,
    livemode             INTEGER NOT NULL,
    account              TEXT    NOT NULL,
    test_clock           TEXT    NOT NULL,
    currency             TEXT    NOT NULL,
    day                  TEXT    NOT NULL,
    items                INTEGER NOT NULL,   -- rows of item_delta summed here: none left, no row
    mrr                  INTEGER NOT NULL,   -- whole minor units of each row …
    mrr_rest             INTEGER NOT NULL,   -- … and the rest of each, in 10⁻⁶
    list                 INTEGER NOT NULL,
    list_rest            INTEGER NOT NULL,
    estimated            INTEGER NOT NULL,
    estimated_rest       INTEGER NOT NULL,
    at_risk              INTEGER NOT NULL,
    at_risk_rest         INTEGER NOT NULL,
    scheduled_churn      INTEGER NOT NULL,
    scheduled_churn_rest INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE day_count (
    generation    INTEGER NOT NULL,
    profile       TEXT    NOT NULL,
    livemode      INTEGER NOT NULL,
    account       TEXT    NOT NULL,
    test_clock    TEXT    NOT NULL,
    currency      TEXT    NOT NULL,          -- '' counts over all currencies
    day           TEXT    NOT NULL,
    items         INTEGER NOT NULL,
    customers     INTEGER NOT NULL,
    subscriptions INTEGER NOT NULL,
    trials        INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE day_movement (
    generation  INTEGER NOT NULL,
    profile     TEXT    NOT NULL,
    livemode    INTEGER NOT NULL,
    account     TEXT    NOT NULL,
    test_clock  TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    day         TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    since       INTEGER NOT NULL,            -- the day, in UTC and from 1970-01-01, on which they begin to be shown
    items       INTEGER NOT NULL,            -- of those that are shown for ever
    amount      INTEGER NOT NULL,
    amount_rest INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day, kind, since)
) STRICT, WITHOUT ROWID;
CREATE TABLE dirty (
    generation INTEGER NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    customer   TEXT    NOT NULL,
    first_seq  INTEGER NOT NULL,             -- the least seq not yet applied to this customer
    last_seq   INTEGER NOT NULL,             -- a mark is cleared only if this is unchanged
    own_seq INTEGER,
    PRIMARY KEY (generation, livemode, account, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX dirty_by_object ON dirty (generation, first_seq, livemode, account, customer) WHERE own_seq IS NULL;
CREATE INDEX dirty_first ON dirty (generation, first_seq);
CREATE INDEX dirty_own ON dirty (generation, own_seq, livemode, account, customer) WHERE own_seq IS NOT NULL;
CREATE TABLE expanded_month (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    currency TEXT NOT NULL,
    month TEXT NOT NULL, -- such as 2026-01
    rollup TEXT NOT NULL, -- a group of causes; '' over all of them
    items INTEGER NOT NULL, -- customers who expanded: none left, no row
    expansion INTEGER NOT NULL, -- by how much, whole minor units
    expansion_rest INTEGER NOT NULL, -- and the rest of it in 10⁻⁶
    held_30 INTEGER NOT NULL, -- what is held of it 30 days after the month's last, whole minor units
    held_30_rest INTEGER NOT NULL, -- and the rest of it in 10⁻⁶
    held_90 INTEGER NOT NULL, -- what is held of it 90 days after the month's last, whole minor units
    held_90_rest INTEGER NOT NULL, -- and the rest of it in 10⁻⁶
    held_180 INTEGER NOT NULL, -- what is held of it 180 days after the month's last, whole minor units
    held_180_rest INTEGER NOT NULL, -- and the rest of it in 10⁻⁶
    held_365 INTEGER NOT NULL, -- what is held of it 365 days after the month's last, whole minor units
    held_365_rest INTEGER NOT NULL, -- and the rest of it in 10⁻⁶
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, month, rollup)
) STRICT, WITHOUT ROWID;
CREATE TABLE generation (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    state       TEXT    NOT NULL CHECK (state IN ('building', 'current', 'retired')),
    fingerprint TEXT    NOT NULL,            -- profiles, zone, ledger and normaliser versions
    position    INTEGER NOT NULL DEFAULT 0,  -- last log seq whose customers are marked
    customer_key TEXT, -- null: every customer is a ledger of its own
    joined_to INTEGER NOT NULL DEFAULT 0, -- last log seq whose customers are in `joined`
    sums INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX generation_current ON generation (state) WHERE state = 'current';
CREATE TABLE group_amount (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    dimension TEXT NOT NULL, -- product, price, interval, currency, cause, country, cohort or metadata:KEY
    grp TEXT NOT NULL, -- '=' and the group; '' where it isn't known
    currency TEXT NOT NULL,
    month TEXT NOT NULL, -- its first day
    items INTEGER NOT NULL, -- rows of item_delta summed here: none left, no row
    mrr INTEGER NOT NULL, -- whole minor units of each row …
    mrr_rest INTEGER NOT NULL, -- … and the rest of each, in 10⁻⁶
    list INTEGER NOT NULL,
    list_rest INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    estimated_rest INTEGER NOT NULL,
    at_risk INTEGER NOT NULL,
    at_risk_rest INTEGER NOT NULL,
    scheduled_churn INTEGER NOT NULL,
    scheduled_churn_rest INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, dimension, grp, currency, month)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_count (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    dimension TEXT NOT NULL,
    grp TEXT NOT NULL,
    currency TEXT NOT NULL,
    month TEXT NOT NULL,
    items INTEGER NOT NULL,
    customers INTEGER NOT NULL,
    subscriptions INTEGER NOT NULL,
    trials INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, dimension, grp, currency, month)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_movement (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    dimension TEXT NOT NULL,
    grp TEXT NOT NULL,
    currency TEXT NOT NULL,
    month TEXT NOT NULL,
    kind TEXT NOT NULL,
    items INTEGER NOT NULL, -- of those that are shown for ever
    amount INTEGER NOT NULL,
    amount_rest INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, dimension, grp, currency, month, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE "item_delta" (
    generation      INTEGER NOT NULL,
    profile         TEXT    NOT NULL,
    livemode        INTEGER NOT NULL,
    account         TEXT    NOT NULL,
    customer        TEXT    NOT NULL,
    ordinal         INTEGER NOT NULL,
    test_clock      TEXT    NOT NULL DEFAULT '',
    at              INTEGER NOT NULL,
    day             TEXT    NOT NULL,
    currency        TEXT    NOT NULL,
    subscription    TEXT    NOT NULL,
    item            TEXT    NOT NULL,
    product         TEXT,
    price           TEXT    NOT NULL,
    interval        TEXT,                    -- month, year, 3 month, …
    mrr             INTEGER NOT NULL,        -- 10⁻⁶ minor units
    list            INTEGER NOT NULL,
    estimated       INTEGER NOT NULL,
    at_risk         INTEGER NOT NULL,
    scheduled_churn INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_delta_in_doubt ON item_delta (generation, profile, livemode, account, customer, ordinal) WHERE at_risk <> 0 OR scheduled_churn <> 0;
CREATE TABLE joined (
    generation INTEGER NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    customer   TEXT    NOT NULL,             -- Stripe's
    seq        INTEGER NOT NULL,             -- from here in the log on
    ledger     TEXT    NOT NULL,             -- whose ledger it belongs to; itself where nothing joins it
    at         INTEGER NOT NULL,             -- the state that says so: one that is older and comes later says nothing
    role       INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    PRIMARY KEY (generation, livemode, account, customer, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX joined_by_ledger ON joined (generation, livemode, account, ledger, seq);
CREATE TABLE log_reach (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    log       TEXT    NOT NULL,              -- log_identity.id
    last_seq  INTEGER NOT NULL,
    sealed_to INTEGER NOT NULL,              -- the end of the last seal; 0: there was none
    root      TEXT    NOT NULL               -- its root, in hexadecimal digits; '' where there was none
) STRICT;
CREATE TABLE loss_day (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    currency TEXT NOT NULL, -- '': by how much more often one was counted who lost in several, and whose payments fail
    day TEXT NOT NULL,
    magnitude INTEGER NOT NULL, -- n: the largest that was lost lies from 2ⁿ⁻¹ to 2ⁿ − 1, in 10⁻⁶ of a minor unit
    items INTEGER NOT NULL, -- customers summed here: none left, no row
    churned INTEGER NOT NULL, -- customers who left
    involuntary INTEGER NOT NULL, -- of these, without having asked for it
    voluntary INTEGER NOT NULL, -- of these, who asked for it
    contracted INTEGER NOT NULL, -- who pay less and stay
    failing INTEGER NOT NULL, -- whose payments began to fail
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day, magnitude)
) STRICT, WITHOUT ROWID;
CREATE TABLE movement (
    generation    INTEGER NOT NULL,
    profile       TEXT    NOT NULL,
    livemode      INTEGER NOT NULL,
    account       TEXT    NOT NULL,
    customer      TEXT    NOT NULL,
    ordinal       INTEGER NOT NULL,
    test_clock    TEXT    NOT NULL DEFAULT '',
    id            TEXT    NOT NULL,          -- hash of profile, livemode, account, customer, currency, window
    currency      TEXT    NOT NULL,
    day           TEXT    NOT NULL,
    window_start  INTEGER NOT NULL,
    effective_at  INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    amount        INTEGER NOT NULL,
    mrr_before    INTEGER NOT NULL,
    mrr_after     INTEGER NOT NULL,
    visible_from  INTEGER NOT NULL,
    visible_until INTEGER,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE movement_part (
    generation       INTEGER NOT NULL,
    profile          TEXT    NOT NULL,
    livemode         INTEGER NOT NULL,
    account          TEXT    NOT NULL,
    customer         TEXT    NOT NULL,
    ordinal          INTEGER NOT NULL,       -- of the movement
    part             INTEGER NOT NULL,
    subscription     TEXT    NOT NULL,
    item             TEXT    NOT NULL,
    cause            TEXT    NOT NULL,
    amount           INTEGER NOT NULL,
    effective_at     INTEGER NOT NULL,
    before_product   TEXT,
    before_price     TEXT,                   -- null: there was no item
    before_interval  TEXT,
    before_quantity  TEXT,
    before_amount    INTEGER,
    after_product    TEXT,
    after_price      TEXT,
    after_interval   TEXT,
    after_quantity   TEXT,
    after_amount     INTEGER,
    events           TEXT    NOT NULL,       -- event ids, space separated
    feedback         TEXT,
    end_reason       TEXT,                   -- a cause of churn, where another subscription's end only lowered MRR
    moved_on TEXT,
    moved_at INTEGER,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE name_position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL -- the log is read up to here
) STRICT;
CREATE TABLE prospect (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    customer TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    test_clock TEXT NOT NULL,
    shown_from INTEGER NOT NULL, -- readers take what is shown at their instant
    shown_until INTEGER, -- NULL: for good
    at INTEGER NOT NULL, -- when it is due
    kind TEXT NOT NULL, -- a line of committed MRR, or at_risk, trial, renewal, untold, overdue
    known_at INTEGER NOT NULL, -- the last thing known: before it the facts are read
    subscription TEXT NOT NULL,
    item TEXT,
    product TEXT,
    price TEXT,
    currency TEXT,
    amount INTEGER, -- in 10⁻⁶ of a minor unit; NULL: the log can't tell
    estimated INTEGER NOT NULL,
    event TEXT,
    detail TEXT, -- what isn't known, in words
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE quality (
    generation INTEGER NOT NULL,
    profile    TEXT    NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    customer   TEXT    NOT NULL,
    ordinal    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    object     TEXT    NOT NULL,
    event      TEXT,
    at         INTEGER NOT NULL,
    until      INTEGER,
    detail     TEXT    NOT NULL,
    settle     TEXT    NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX quality_by_kind ON quality (generation, profile, kind, at, until);
CREATE TABLE reference (
    generation INTEGER NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    object     TEXT    NOT NULL,             -- price, product, coupon or discount id
    customer   TEXT    NOT NULL,
    PRIMARY KEY (generation, livemode, account, object, customer)
) STRICT, WITHOUT ROWID;
CREATE TABLE retention_day (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    currency TEXT NOT NULL,
    day TEXT NOT NULL, -- what this day adds to each figure; their sum is what it is at a day
    items INTEGER NOT NULL, -- customers who add anything on this day
    positive INTEGER NOT NULL, -- MRR of those who have any
    positive_rest INTEGER NOT NULL,
    kept_month INTEGER NOT NULL, -- change since the start of the month, of those who had MRR then
    kept_month_rest INTEGER NOT NULL,
    kept_quarter INTEGER NOT NULL,
    kept_quarter_rest INTEGER NOT NULL,
    kept_year INTEGER NOT NULL,
    kept_year_rest INTEGER NOT NULL,
    least_month INTEGER NOT NULL, -- the same where nobody counts for more than at the start
    least_month_rest INTEGER NOT NULL,
    least_quarter INTEGER NOT NULL,
    least_quarter_rest INTEGER NOT NULL,
    least_year INTEGER NOT NULL,
    least_year_rest INTEGER NOT NULL,
    kept_12 INTEGER NOT NULL, -- MRR of those who had MRR twelve months before
    kept_12_rest INTEGER NOT NULL,
    least_12 INTEGER NOT NULL, -- where nobody counts for more than then
    least_12_rest INTEGER NOT NULL,
    bought INTEGER NOT NULL, -- new MRR, without what was imported
    bought_rest INTEGER NOT NULL,
    expanded INTEGER NOT NULL, -- expansion of the month that ends with the day
    expanded_rest INTEGER NOT NULL,
    held INTEGER NOT NULL, -- how much of it is held 90 days later
    held_rest INTEGER NOT NULL,
    paying INTEGER NOT NULL, -- customers
    lost_month INTEGER NOT NULL, -- of those at the start of the month, who pay nothing now
    lost_quarter INTEGER NOT NULL,
    lost_year INTEGER NOT NULL,
    lost_in_month INTEGER NOT NULL, -- of those a month before
    new_30 INTEGER NOT NULL, -- whose first MRR came in the last 30 days
    lost_30 INTEGER NOT NULL, -- of these and of those 30 days before, who pay nothing now
    buyers INTEGER NOT NULL, -- new customers, without who was imported
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE sqlite_sequence(name,seq);
CREATE TABLE subscription_ledger (
    generation   INTEGER NOT NULL,
    profile      TEXT    NOT NULL,
    livemode     INTEGER NOT NULL,
    account      TEXT    NOT NULL,
    customer     TEXT    NOT NULL,
    subscription TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    currency     TEXT,
    mrr          INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    ends_at      INTEGER,
    event        TEXT    NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, subscription)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_by_id ON subscription_ledger (generation, subscription);
CREATE INDEX subscription_by_status ON subscription_ledger (generation, profile, livemode, account, status, customer);
CREATE INDEX subscription_ending ON subscription_ledger (generation, profile, livemode, account, ends_at, customer)
    WHERE ended_at IS NULL AND ends_at IS NOT NULL;
CREATE TABLE told (
    generation INTEGER NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    object     TEXT    NOT NULL,             -- price or coupon id
    digest     TEXT    NOT NULL,             -- of the terms
    amount     INTEGER NOT NULL,             -- whether they tell what it amounts to
    seq        INTEGER NOT NULL,             -- the first place in the log that tells them
    event      TEXT    NOT NULL,             -- and its event
    codec      INTEGER NOT NULL,
    state      BLOB    NOT NULL,             -- a fact of these terms
    PRIMARY KEY (generation, livemode, account, object, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE trial (
    generation   INTEGER NOT NULL,
    profile      TEXT    NOT NULL,
    livemode     INTEGER NOT NULL,
    account      TEXT    NOT NULL,
    customer     TEXT    NOT NULL,
    ordinal      INTEGER NOT NULL,
    subscription TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL,
    converted_at INTEGER,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
) STRICT, WITHOUT ROWID;
CREATE VIEW v_customer AS
SELECT l.profile, l.livemode, l.account, l.test_clock, l.customer, s.currency, l.country,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.first_mrr_at, 'unixepoch') AS first_mrr_at,
       s.mrr / 1000000.0 AS mrr,
       s.list / 1000000.0 AS list,
       s.estimated / 1000000.0 AS estimated,
       s.at_risk / 1000000.0 AS at_risk,
       s.scheduled_churn / 1000000.0 AS scheduled_churn,
       s.mrr AS mrr_millionths, l.metadata
FROM customer_ledger l
LEFT JOIN (
    SELECT generation, profile, livemode, account, customer, currency,
           SUM(mrr) AS mrr, SUM(list) AS list, SUM(estimated) AS estimated, SUM(at_risk) AS at_risk,
           SUM(scheduled_churn) AS scheduled_churn
    FROM item_delta WHERE at <= unixepoch()
    GROUP BY generation, profile, livemode, account, customer, currency
) AS s ON s.generation = l.generation AND s.profile = l.profile AND s.livemode = l.livemode AND s.account = l.account
 AND s.customer = l.customer
WHERE l.generation = (SELECT id FROM generation WHERE state = 'current');
CREATE VIEW v_customer_month AS
WITH RECURSIVE moved AS (
    SELECT profile, livemode, account, test_clock, customer, currency, month, SUM(mrr) AS mrr,
           SUM(new) AS new,
           SUM(expansion) AS expansion,
           SUM(contraction) AS contraction,
           SUM(churn) AS churn,
           SUM(reactivation) AS reactivation,
           SUM(movements) AS movements
    FROM (
        SELECT profile, livemode, account, test_clock, customer, currency, substr(day, 1, 7) || '-01' AS month, mrr,
               0 AS new, 0 AS expansion, 0 AS contraction, 0 AS churn, 0 AS reactivation, 0 AS movements
        FROM item_delta WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND at <= unixepoch()
        UNION ALL
        SELECT profile, livemode, account, test_clock, customer, currency, substr(day, 1, 7) || '-01', 0,
               CASE WHEN kind = 'new' THEN amount ELSE 0 END,
               CASE WHEN kind = 'expansion' THEN amount ELSE 0 END,
               CASE WHEN kind = 'contraction' THEN amount ELSE 0 END,
               CASE WHEN kind = 'churn' THEN amount ELSE 0 END,
               CASE WHEN kind = 'reactivation' THEN amount ELSE 0 END, 1
        FROM movement WHERE generation = (SELECT id FROM generation WHERE state = 'current')
        AND visible_from <= unixepoch() AND (visible_until IS NULL OR visible_until > unixepoch())
    ) AS one
    GROUP BY profile, livemode, account, test_clock, customer, currency, month
), calendar AS (
    SELECT profile, livemode, account, test_clock, customer, currency, MIN(month) AS month, MAX(month) AS last
    FROM moved GROUP BY profile, livemode, account, test_clock, customer, currency
    UNION ALL
    SELECT profile, livemode, account, test_clock, customer, currency, date(month, '+1 month'), last
    FROM calendar WHERE month < last OR date(month, '+1 month') <= date('now')
)
SELECT profile, livemode, account, test_clock, customer, currency, month AS month,
       (mrr - changed) / 1000000.0 AS opening,
       new / 1000000.0 AS new,
       expansion / 1000000.0 AS expansion,
       contraction / 1000000.0 AS contraction,
       churn / 1000000.0 AS churn,
       reactivation / 1000000.0 AS reactivation,
       mrr / 1000000.0 AS closing, mrr AS closing_millionths
FROM (
    SELECT calendar.profile, calendar.livemode, calendar.account, calendar.test_clock, calendar.customer, calendar.currency,
           calendar.month, COALESCE(moved.mrr, 0) AS changed,
           SUM(COALESCE(moved.mrr, 0)) OVER months AS mrr,
           COALESCE(moved.new, 0) AS new,
           COALESCE(moved.expansion, 0) AS expansion,
           COALESCE(moved.contraction, 0) AS contraction,
           COALESCE(moved.churn, 0) AS churn,
           COALESCE(moved.reactivation, 0) AS reactivation,
           COALESCE(moved.movements, 0) AS movements
    FROM calendar LEFT JOIN moved
      ON moved.profile = calendar.profile AND moved.livemode = calendar.livemode AND moved.account = calendar.account
     AND moved.test_clock = calendar.test_clock AND moved.customer = calendar.customer
     AND moved.currency = calendar.currency AND moved.month = calendar.month
    WINDOW months AS (PARTITION BY calendar.profile, calendar.livemode, calendar.account, calendar.test_clock,
                      calendar.customer, calendar.currency ORDER BY calendar.month)
) AS standing
WHERE mrr <> 0 OR changed <> 0 OR movements > 0;
CREATE VIEW v_movement AS
SELECT profile, livemode, account, test_clock, customer, id, currency, day AS day,
       strftime('%Y-%m-%dT%H:%M:%SZ', effective_at, 'unixepoch') AS effective_at, kind,
       amount / 1000000.0 AS amount, mrr_before / 1000000.0 AS mrr_before, mrr_after / 1000000.0 AS mrr_after,
       amount AS amount_millionths
FROM movement
WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND visible_from <= unixepoch()
  AND (visible_until IS NULL OR visible_until > unixepoch());
CREATE VIEW v_movement_part AS
SELECT m.profile, m.livemode, m.account, m.test_clock, m.customer, m.id AS movement, p.part, m.currency,
       m.day AS day, strftime('%Y-%m-%dT%H:%M:%SZ', p.effective_at, 'unixepoch') AS effective_at, m.kind, p.cause,
       p.subscription, p.item, p.amount / 1000000.0 AS amount, p.amount AS amount_millionths,
       p.before_product, p.before_price, p.before_interval, p.before_quantity, p.before_amount / 1000000.0 AS before_amount,
       p.after_product, p.after_price, p.after_interval, p.after_quantity, p.after_amount / 1000000.0 AS after_amount,
       p.feedback, p.events
FROM movement m
JOIN movement_part p ON p.generation = m.generation AND p.profile = m.profile AND p.livemode = m.livemode
 AND p.account = m.account AND p.customer = m.customer AND p.ordinal = m.ordinal
WHERE m.generation = (SELECT id FROM generation WHERE state = 'current') AND m.visible_from <= unixepoch()
  AND (m.visible_until IS NULL OR m.visible_until > unixepoch());
CREATE VIEW v_mrr_daily AS
WITH RECURSIVE changed AS (
    SELECT profile, livemode, account, test_clock, currency, day,
           SUM(mrr) AS mrr, SUM(list) AS list, SUM(estimated) AS estimated, SUM(at_risk) AS at_risk,
           SUM(scheduled_churn) AS scheduled_churn,
           SUM(customers) AS customers, SUM(subscriptions) AS subscriptions, SUM(trials) AS trials
    FROM (
        SELECT profile, livemode, account, test_clock, currency, day,
               mrr * 1000000 + mrr_rest AS mrr, list * 1000000 + list_rest AS list,
               estimated * 1000000 + estimated_rest AS estimated, at_risk * 1000000 + at_risk_rest AS at_risk,
               scheduled_churn * 1000000 + scheduled_churn_rest AS scheduled_churn,
               0 AS customers, 0 AS subscriptions, 0 AS trials
        FROM day_amount WHERE generation = (SELECT id FROM generation WHERE state = 'current')
        UNION ALL
        SELECT profile, livemode, account, test_clock, currency, day, -mrr, -list, -estimated, -at_risk, -scheduled_churn, 0,
        0, 0
        FROM item_delta WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND ordinal >= 0
        AND at > unixepoch()
        UNION ALL
        SELECT profile, livemode, account, test_clock, currency, day, 0, 0, 0, 0, 0, customers, subscriptions, trials
        FROM day_count WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND currency <> ''
        UNION ALL
        SELECT profile, livemode, account, test_clock, currency, day, 0, 0, 0, 0, 0, -customers, -subscriptions, -trials
        FROM count_delta WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND ordinal >= 0
        AND at > unixepoch() AND currency <> ''
    ) AS one
    GROUP BY profile, livemode, account, test_clock, currency, day
    HAVING SUM(mrr) <> 0 OR SUM(list) <> 0 OR SUM(estimated) <> 0 OR SUM(at_risk) <> 0 OR SUM(scheduled_churn) <> 0
      OR SUM(customers) <> 0 OR SUM(subscriptions) <> 0 OR SUM(trials) <> 0
), calendar AS (
    SELECT profile, livemode, account, test_clock, currency, MIN(day) AS day, MAX(day) AS last
    FROM changed GROUP BY profile, livemode, account, test_clock, currency
    UNION ALL
    SELECT profile, livemode, account, test_clock, currency, date(day, '+1 day'), last
    FROM calendar WHERE day < last OR day < date('now')
)
SELECT profile, livemode, account, test_clock, currency, day AS day,
       mrr / 1000000.0 AS mrr,
       list / 1000000.0 AS list,
       estimated / 1000000.0 AS estimated,
       at_risk / 1000000.0 AS at_risk,
       scheduled_churn / 1000000.0 AS scheduled_churn,
       mrr AS mrr_millionths, customers, subscriptions, trials
FROM (
    SELECT calendar.profile, calendar.livemode, calendar.account, calendar.test_clock, calendar.currency, calendar.day,
           SUM(COALESCE(changed.mrr, 0)) OVER days AS mrr,
           SUM(COALESCE(changed.list, 0)) OVER days AS list,
           SUM(COALESCE(changed.estimated, 0)) OVER days AS estimated,
           SUM(COALESCE(changed.at_risk, 0)) OVER days AS at_risk,
           SUM(COALESCE(changed.scheduled_churn, 0)) OVER days AS scheduled_churn,
           SUM(COALESCE(changed.customers, 0)) OVER days AS customers,
           SUM(COALESCE(changed.subscriptions, 0)) OVER days AS subscriptions,
           SUM(COALESCE(changed.trials, 0)) OVER days AS trials
    FROM calendar LEFT JOIN changed
      ON changed.profile = calendar.profile AND changed.livemode = calendar.livemode AND changed.account = calendar.account
     AND changed.test_clock = calendar.test_clock AND changed.currency = calendar.currency AND changed.day = calendar.day
    WINDOW days AS (PARTITION BY calendar.profile, calendar.livemode, calendar.account, calendar.test_clock,
                    calendar.currency ORDER BY calendar.day)
) AS standing;
CREATE VIEW v_quality AS
SELECT q.profile, q.livemode, q.account, l.test_clock, q.customer, q.kind, q.object, q.event,
       strftime('%Y-%m-%dT%H:%M:%SZ', q.at, 'unixepoch') AS at, strftime('%Y-%m-%dT%H:%M:%SZ', CASE WHEN q.until <= unixepoch() THEN q.until END, 'unixepoch') AS until,
       q.detail
FROM quality q
JOIN customer_ledger l ON l.generation = q.generation AND l.profile = q.profile AND l.livemode = q.livemode
 AND l.account = q.account AND l.customer = q.customer
WHERE q.generation = (SELECT id FROM generation WHERE state = 'current') AND q.at <= unixepoch();
