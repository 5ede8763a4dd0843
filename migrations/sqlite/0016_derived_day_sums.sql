-- What a day changed, summed, beside the rows it sums: a report over all customers reads a row a day, and rows are written
-- without indices by day that are as large as they are. An mrrd that doesn't know of the sums must not write rows beside
-- them: under the table's old name it finds nothing.
ALTER TABLE delta RENAME TO item_delta;
DROP INDEX delta_by_day;
DROP INDEX count_delta_by_day;
DROP INDEX movement_by_day;
CREATE INDEX movement_by_day ON movement (generation, profile, livemode, account, test_clock, day, effective_at, id);
-- What takes effect near a reader's instant. Of all rows, but said so that only who says it too is given these indices: for
-- any other question they look good to SQLite, and are bad.
CREATE INDEX item_delta_by_time ON item_delta (generation, at) WHERE ordinal >= 0;
CREATE INDEX count_delta_by_time ON count_delta (generation, at) WHERE ordinal >= 0;
CREATE INDEX movement_by_time ON movement (generation, visible_from) WHERE visible_until IS NULL;
-- What is shown for a while only.
CREATE INDEX movement_for_a_while ON movement (generation, visible_until) WHERE visible_until IS NOT NULL;
-- What alerts look at customer by customer.
CREATE INDEX movement_lost ON movement (generation, profile, livemode, account, test_clock, kind, day, effective_at, id) WHERE kind IN ('churn', 'contraction');
CREATE INDEX item_delta_in_doubt ON item_delta (generation, profile, livemode, account, customer, ordinal) WHERE at_risk <> 0 OR scheduled_churn <> 0;
CREATE INDEX count_delta_lost ON count_delta (generation, profile, livemode, account, customer, ordinal) WHERE currency = '' AND customers < 0;

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

INSERT INTO day_amount
SELECT generation, profile, livemode, account, test_clock, currency, day, COUNT(*),
    SUM(mrr / 1000000), SUM(mrr % 1000000), SUM(list / 1000000), SUM(list % 1000000),
    SUM(estimated / 1000000), SUM(estimated % 1000000), SUM(at_risk / 1000000), SUM(at_risk % 1000000),
    SUM(scheduled_churn / 1000000), SUM(scheduled_churn % 1000000)
FROM item_delta GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO day_count
SELECT generation, profile, livemode, account, test_clock, currency, day, COUNT(*),
    SUM(customers), SUM(subscriptions), SUM(trials)
FROM count_delta GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO day_movement
SELECT generation, profile, livemode, account, test_clock, currency, day, kind,
    visible_from / 86400 - CASE WHEN visible_from % 86400 < 0 THEN 1 ELSE 0 END,
    COUNT(*), SUM(amount / 1000000), SUM(amount % 1000000)
FROM movement WHERE visible_until IS NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
