-- Derived tables: all of it can be rebuilt from the log. On SQLite they live in a file of their own beside the log,
-- so that the reconciler never holds the webhooks' write lock.

CREATE TABLE generation (
    id          BIGSERIAL PRIMARY KEY,
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('building', 'current', 'retired')),
    fingerprint TEXT COLLATE "C" NOT NULL,            -- profiles, zone, ledger and normaliser versions
    position    BIGINT NOT NULL DEFAULT 0   -- last log seq whose customers are marked
);
CREATE UNIQUE INDEX generation_current ON generation (state) WHERE state = 'current';

CREATE TABLE dirty (
    generation BIGINT NOT NULL,
    livemode   BOOLEAN NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    customer   TEXT COLLATE "C" NOT NULL,
    first_seq  BIGINT NOT NULL,             -- the least seq not yet applied to this customer
    last_seq   BIGINT NOT NULL,             -- a mark is cleared only if this is unchanged
    PRIMARY KEY (generation, livemode, account, customer)
);
CREATE INDEX dirty_first ON dirty (generation, first_seq);

CREATE TABLE reference (
    generation BIGINT NOT NULL,
    livemode   BOOLEAN NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    object     TEXT COLLATE "C" NOT NULL,             -- price, product, coupon or discount id
    customer   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (generation, livemode, account, object, customer)
);

CREATE TABLE customer_ledger (
    generation   BIGINT NOT NULL,
    profile      TEXT COLLATE "C" NOT NULL,
    livemode     BOOLEAN NOT NULL,
    account      TEXT COLLATE "C" NOT NULL,
    customer     TEXT COLLATE "C" NOT NULL,
    test_clock   TEXT COLLATE "C" NOT NULL DEFAULT '',
    country      TEXT COLLATE "C",
    first_mrr_at BIGINT,
    metadata     TEXT COLLATE "C" NOT NULL DEFAULT '{}', -- configured keys only
    PRIMARY KEY (generation, profile, livemode, account, customer)
);

CREATE TABLE delta (
    generation      BIGINT NOT NULL,
    profile         TEXT COLLATE "C" NOT NULL,
    livemode        BOOLEAN NOT NULL,
    account         TEXT COLLATE "C" NOT NULL,
    customer        TEXT COLLATE "C" NOT NULL,
    ordinal         BIGINT NOT NULL,
    test_clock      TEXT COLLATE "C" NOT NULL DEFAULT '',
    at              BIGINT NOT NULL,
    day             TEXT COLLATE "C" NOT NULL,
    currency        TEXT COLLATE "C" NOT NULL,
    subscription    TEXT COLLATE "C" NOT NULL,
    item            TEXT COLLATE "C" NOT NULL,
    product         TEXT COLLATE "C",
    price           TEXT COLLATE "C" NOT NULL,
    interval        TEXT COLLATE "C",                    -- month, year, 3 month, …
    mrr             BIGINT NOT NULL,        -- 10⁻⁶ minor units
    list            BIGINT NOT NULL,
    estimated       BIGINT NOT NULL,
    at_risk         BIGINT NOT NULL,
    scheduled_churn BIGINT NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
);
CREATE INDEX delta_by_day ON delta (generation, profile, livemode, account, test_clock, currency, day, at, mrr, list, estimated, at_risk, scheduled_churn);

CREATE TABLE count_delta (
    generation    BIGINT NOT NULL,
    profile       TEXT COLLATE "C" NOT NULL,
    livemode      BOOLEAN NOT NULL,
    account       TEXT COLLATE "C" NOT NULL,
    customer      TEXT COLLATE "C" NOT NULL,
    ordinal       BIGINT NOT NULL,
    test_clock    TEXT COLLATE "C" NOT NULL DEFAULT '',
    at            BIGINT NOT NULL,
    day           TEXT COLLATE "C" NOT NULL,
    currency      TEXT COLLATE "C" NOT NULL,          -- '' counts over all currencies
    customers     BIGINT NOT NULL,
    subscriptions BIGINT NOT NULL,
    trials        BIGINT NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
);
CREATE INDEX count_delta_by_day ON count_delta (generation, profile, livemode, account, test_clock, currency, day, at, customers, subscriptions, trials);

CREATE TABLE movement (
    generation    BIGINT NOT NULL,
    profile       TEXT COLLATE "C" NOT NULL,
    livemode      BOOLEAN NOT NULL,
    account       TEXT COLLATE "C" NOT NULL,
    customer      TEXT COLLATE "C" NOT NULL,
    ordinal       BIGINT NOT NULL,
    test_clock    TEXT COLLATE "C" NOT NULL DEFAULT '',
    id            TEXT COLLATE "C" NOT NULL,          -- hash of profile, livemode, account, customer, currency, window
    currency      TEXT COLLATE "C" NOT NULL,
    day           TEXT COLLATE "C" NOT NULL,
    window_start  BIGINT NOT NULL,
    effective_at  BIGINT NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL,
    amount        BIGINT NOT NULL,
    mrr_before    BIGINT NOT NULL,
    mrr_after     BIGINT NOT NULL,
    visible_from  BIGINT NOT NULL,
    visible_until BIGINT,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
);
CREATE INDEX movement_by_day ON movement (generation, profile, livemode, account, test_clock, day, effective_at, id);

CREATE TABLE movement_part (
    generation       BIGINT NOT NULL,
    profile          TEXT COLLATE "C" NOT NULL,
    livemode         BOOLEAN NOT NULL,
    account          TEXT COLLATE "C" NOT NULL,
    customer         TEXT COLLATE "C" NOT NULL,
    ordinal          BIGINT NOT NULL,       -- of the movement
    part             BIGINT NOT NULL,
    subscription     TEXT COLLATE "C" NOT NULL,
    item             TEXT COLLATE "C" NOT NULL,
    cause            TEXT COLLATE "C" NOT NULL,
    amount           BIGINT NOT NULL,
    effective_at     BIGINT NOT NULL,
    before_product   TEXT COLLATE "C",
    before_price     TEXT COLLATE "C",                   -- null: there was no item
    before_interval  TEXT COLLATE "C",
    before_quantity  TEXT COLLATE "C",
    before_amount    BIGINT,
    after_product    TEXT COLLATE "C",
    after_price      TEXT COLLATE "C",
    after_interval   TEXT COLLATE "C",
    after_quantity   TEXT COLLATE "C",
    after_amount     BIGINT,
    events           TEXT COLLATE "C" NOT NULL,       -- event ids, space separated
    feedback         TEXT COLLATE "C",
    end_reason       TEXT COLLATE "C",                   -- a cause of churn, where another subscription's end only lowered MRR
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal, part)
);

CREATE TABLE subscription_ledger (
    generation   BIGINT NOT NULL,
    profile      TEXT COLLATE "C" NOT NULL,
    livemode     BOOLEAN NOT NULL,
    account      TEXT COLLATE "C" NOT NULL,
    customer     TEXT COLLATE "C" NOT NULL,
    subscription TEXT COLLATE "C" NOT NULL,
    status       TEXT COLLATE "C" NOT NULL,
    currency     TEXT COLLATE "C",
    mrr          BIGINT NOT NULL,
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT,
    ends_at      BIGINT,
    event        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, subscription)
);
CREATE INDEX subscription_by_id ON subscription_ledger (generation, subscription);

CREATE TABLE quality (
    generation BIGINT NOT NULL,
    profile    TEXT COLLATE "C" NOT NULL,
    livemode   BOOLEAN NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    customer   TEXT COLLATE "C" NOT NULL,
    ordinal    BIGINT NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    object     TEXT COLLATE "C" NOT NULL,
    event      TEXT COLLATE "C",
    at         BIGINT NOT NULL,
    until      BIGINT,
    detail     TEXT COLLATE "C" NOT NULL,
    settle     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
);
CREATE INDEX quality_by_kind ON quality (generation, profile, kind, at);

CREATE TABLE trial (
    generation   BIGINT NOT NULL,
    profile      TEXT COLLATE "C" NOT NULL,
    livemode     BOOLEAN NOT NULL,
    account      TEXT COLLATE "C" NOT NULL,
    customer     TEXT COLLATE "C" NOT NULL,
    ordinal      BIGINT NOT NULL,
    subscription TEXT COLLATE "C" NOT NULL,
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    converted    BOOLEAN NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
);

