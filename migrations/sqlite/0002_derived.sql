-- Derived tables: all of it can be rebuilt from the log. On SQLite they live in a file of their own beside the log,
-- so that the reconciler never holds the webhooks' write lock.

CREATE TABLE generation (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    state       TEXT    NOT NULL CHECK (state IN ('building', 'current', 'retired')),
    fingerprint TEXT    NOT NULL,            -- profiles, zone, ledger and normaliser versions
    position    INTEGER NOT NULL DEFAULT 0   -- last log seq whose customers are marked
) STRICT;
CREATE UNIQUE INDEX generation_current ON generation (state) WHERE state = 'current';

CREATE TABLE dirty (
    generation INTEGER NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    customer   TEXT    NOT NULL,
    first_seq  INTEGER NOT NULL,             -- the least seq not yet applied to this customer
    last_seq   INTEGER NOT NULL,             -- a mark is cleared only if this is unchanged
    PRIMARY KEY (generation, livemode, account, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX dirty_first ON dirty (generation, first_seq);

CREATE TABLE reference (
    generation INTEGER NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    object     TEXT    NOT NULL,             -- price, product, coupon or discount id
    customer   TEXT    NOT NULL,
    PRIMARY KEY (generation, livemode, account, object, customer)
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

CREATE TABLE delta (
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
CREATE INDEX delta_by_day ON delta (generation, profile, livemode, account, test_clock, currency, day, at, mrr, list, estimated, at_risk, scheduled_churn);

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
CREATE INDEX count_delta_by_day ON count_delta (generation, profile, livemode, account, test_clock, currency, day, at, customers, subscriptions, trials);

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
CREATE INDEX movement_by_day ON movement (generation, profile, livemode, account, test_clock, day, effective_at, id);

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
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal, part)
) STRICT, WITHOUT ROWID;

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
CREATE INDEX quality_by_kind ON quality (generation, profile, kind, at);

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
    converted    INTEGER NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
) STRICT, WITHOUT ROWID;
