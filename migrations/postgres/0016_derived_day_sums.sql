-- What a day changed, summed, beside the rows it sums: a report over all customers reads a row a day, and rows are written
-- without indices by day that are as large as they are. An mrrd that doesn't know of the sums must not write rows beside
-- them: under the table's old name it finds nothing.
ALTER TABLE delta RENAME TO item_delta;
DROP INDEX delta_by_day;
DROP INDEX count_delta_by_day;
DROP INDEX movement_by_day;
CREATE INDEX movement_by_day ON movement (generation, profile, livemode, account, test_clock, day, effective_at, id);
-- What takes effect near a reader's instant.
CREATE INDEX item_delta_by_time ON item_delta (generation, at);
CREATE INDEX count_delta_by_time ON count_delta (generation, at);
CREATE INDEX movement_by_time ON movement (generation, visible_from) WHERE visible_until IS NULL;
-- What is shown for a while only.
CREATE INDEX movement_for_a_while ON movement (generation, visible_until) WHERE visible_until IS NOT NULL;
-- What alerts look at customer by customer.
CREATE INDEX movement_lost ON movement (generation, profile, livemode, account, test_clock, kind, day, effective_at, id) WHERE kind IN ('churn', 'contraction');
CREATE INDEX item_delta_in_doubt ON item_delta (generation, profile, livemode, account, customer, ordinal) WHERE at_risk <> 0 OR scheduled_churn <> 0;
CREATE INDEX count_delta_lost ON count_delta (generation, profile, livemode, account, customer, ordinal) WHERE currency = '' AND customers < 0;

CREATE TABLE day_amount (
    generation           BIGINT  NOT NULL,
    profile              TEXT COLLATE "C" NOT NULL,
    livemode             BOOLEAN NOT NULL,
    account              TEXT COLLATE "C" NOT NULL,
    test_clock           TEXT COLLATE "C" NOT NULL,
    currency             TEXT COLLATE "C" NOT NULL,
    day                  TEXT COLLATE "C" NOT NULL,
    items                BIGINT  NOT NULL,   -- rows of item_delta summed here: none left, no row
    mrr                  BIGINT  NOT NULL,   -- whole minor units of each row …
    mrr_rest             BIGINT  NOT NULL,   -- … and the rest of each, in 10⁻⁶
    list                 BIGINT  NOT NULL,
    list_rest            BIGINT  NOT NULL,
    estimated            BIGINT  NOT NULL,
    estimated_rest       BIGINT  NOT NULL,
    at_risk              BIGINT  NOT NULL,
    at_risk_rest         BIGINT  NOT NULL,
    scheduled_churn      BIGINT  NOT NULL,
    scheduled_churn_rest BIGINT  NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day)
);

CREATE TABLE day_count (
    generation    BIGINT  NOT NULL,
    profile       TEXT COLLATE "C" NOT NULL,
    livemode      BOOLEAN NOT NULL,
    account       TEXT COLLATE "C" NOT NULL,
    test_clock    TEXT COLLATE "C" NOT NULL,
    currency      TEXT COLLATE "C" NOT NULL,          -- '' counts over all currencies
    day           TEXT COLLATE "C" NOT NULL,
    items         BIGINT  NOT NULL,
    customers     BIGINT  NOT NULL,
    subscriptions BIGINT  NOT NULL,
    trials        BIGINT  NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day)
);

CREATE TABLE day_movement (
    generation  BIGINT  NOT NULL,
    profile     TEXT COLLATE "C" NOT NULL,
    livemode    BOOLEAN NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    test_clock  TEXT COLLATE "C" NOT NULL,
    currency    TEXT COLLATE "C" NOT NULL,
    day         TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    since       BIGINT  NOT NULL,            -- the day, in UTC and from 1970-01-01, on which they begin to be shown
    items       BIGINT  NOT NULL,            -- of those that are shown for ever
    amount      BIGINT  NOT NULL,
    amount_rest BIGINT  NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day, kind, since)
);

INSERT INTO day_amount
SELECT generation, profile, livemode, account, test_clock, currency, day, COUNT(*),
    CAST(SUM(mrr / 1000000) AS BIGINT), CAST(SUM(mrr % 1000000) AS BIGINT), CAST(SUM(list / 1000000) AS BIGINT), CAST(SUM(list % 1000000) AS BIGINT),
    CAST(SUM(estimated / 1000000) AS BIGINT), CAST(SUM(estimated % 1000000) AS BIGINT), CAST(SUM(at_risk / 1000000) AS BIGINT), CAST(SUM(at_risk % 1000000) AS BIGINT),
    CAST(SUM(scheduled_churn / 1000000) AS BIGINT), CAST(SUM(scheduled_churn % 1000000) AS BIGINT)
FROM item_delta GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO day_count
SELECT generation, profile, livemode, account, test_clock, currency, day, COUNT(*),
    CAST(SUM(customers) AS BIGINT), CAST(SUM(subscriptions) AS BIGINT), CAST(SUM(trials) AS BIGINT)
FROM count_delta GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO day_movement
SELECT generation, profile, livemode, account, test_clock, currency, day, kind,
    visible_from / 86400 - CASE WHEN visible_from % 86400 < 0 THEN 1 ELSE 0 END,
    COUNT(*), CAST(SUM(amount / 1000000) AS BIGINT), CAST(SUM(amount % 1000000) AS BIGINT)
FROM movement WHERE visible_until IS NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
