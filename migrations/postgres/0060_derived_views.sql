-- Tables for people and their tools: what the API answers, as it stands now, in columns that keep their names (docs/guides/tables.md).
-- Amounts are minor units with up to six places; `…_millionths` are the same without a fraction. Native currencies only: rates
-- belong to the configuration. Whoever changes a table below drops these views first and makes them again.

-- What stood at the end of each day, from a ledger's first day to today (in UTC; a later day only where something has
-- happened on it). What is dated ahead is left out.
CREATE VIEW v_mrr_daily AS
WITH RECURSIVE changed AS (
    SELECT profile, livemode, account, test_clock, currency, day,
           SUM(mrr) AS mrr, SUM(list) AS list, SUM(estimated) AS estimated, SUM(at_risk) AS at_risk,
           SUM(scheduled_churn) AS scheduled_churn,
           SUM(customers) AS customers, SUM(subscriptions) AS subscriptions, SUM(trials) AS trials
    FROM (
        SELECT profile, livemode, account, test_clock, currency, day,
               CAST(mrr AS NUMERIC) * 1000000 + mrr_rest AS mrr, CAST(list AS NUMERIC) * 1000000 + list_rest AS list,
               CAST(estimated AS NUMERIC) * 1000000 + estimated_rest AS estimated,
               CAST(at_risk AS NUMERIC) * 1000000 + at_risk_rest AS at_risk,
               CAST(scheduled_churn AS NUMERIC) * 1000000 + scheduled_churn_rest AS scheduled_churn,
               0 AS customers, 0 AS subscriptions, 0 AS trials
        FROM day_amount WHERE generation = (SELECT id FROM generation WHERE state = 'current')
        UNION ALL
        SELECT profile, livemode, account, test_clock, currency, day, CAST(-mrr AS NUMERIC), CAST(-list AS NUMERIC),
        CAST(-estimated AS NUMERIC), CAST(-at_risk AS NUMERIC), CAST(-scheduled_churn AS NUMERIC), 0, 0, 0
        FROM item_delta WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND ordinal >= 0
        AND at > CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)
        UNION ALL
        SELECT profile, livemode, account, test_clock, currency, day, CAST(0 AS NUMERIC), CAST(0 AS NUMERIC),
        CAST(0 AS NUMERIC), CAST(0 AS NUMERIC), CAST(0 AS NUMERIC), customers, subscriptions, trials
        FROM day_count WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND currency <> ''
        UNION ALL
        SELECT profile, livemode, account, test_clock, currency, day, CAST(0 AS NUMERIC), CAST(0 AS NUMERIC),
        CAST(0 AS NUMERIC), CAST(0 AS NUMERIC), CAST(0 AS NUMERIC), -customers, -subscriptions, -trials
        FROM count_delta WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND ordinal >= 0
        AND at > CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) AND currency <> ''
    ) AS one
    GROUP BY profile, livemode, account, test_clock, currency, day
    HAVING SUM(mrr) <> 0 OR SUM(list) <> 0 OR SUM(estimated) <> 0 OR SUM(at_risk) <> 0 OR SUM(scheduled_churn) <> 0
      OR SUM(customers) <> 0 OR SUM(subscriptions) <> 0 OR SUM(trials) <> 0
), calendar AS (
    SELECT profile, livemode, account, test_clock, currency, MIN(day) COLLATE "C" AS day, MAX(day) COLLATE "C" AS last
    FROM changed GROUP BY profile, livemode, account, test_clock, currency
    UNION ALL
    SELECT profile, livemode, account, test_clock, currency, to_char(CAST(day AS DATE) + 1, 'YYYY-MM-DD') COLLATE "C", last
    FROM calendar WHERE day < last OR day < to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')
)
SELECT profile, livemode, account, test_clock, currency, CAST(day AS DATE) AS day,
       CAST(mrr AS NUMERIC) / 1000000 AS mrr,
       CAST(list AS NUMERIC) / 1000000 AS list,
       CAST(estimated AS NUMERIC) / 1000000 AS estimated,
       CAST(at_risk AS NUMERIC) / 1000000 AS at_risk,
       CAST(scheduled_churn AS NUMERIC) / 1000000 AS scheduled_churn,
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

-- Every movement that is shown now. `amount` is what MRR changed by, `mrr_before` and `mrr_after` the customer's in this
-- currency.
CREATE VIEW v_movement AS
SELECT profile, livemode, account, test_clock, customer, id, currency, CAST(day AS DATE) AS day,
       to_timestamp(effective_at) AS effective_at, kind,
       CAST(amount AS NUMERIC) / 1000000 AS amount, CAST(mrr_before AS NUMERIC) / 1000000 AS mrr_before,
       CAST(mrr_after AS NUMERIC) / 1000000 AS mrr_after, amount AS amount_millionths
FROM movement
WHERE generation = (SELECT id FROM generation WHERE state = 'current')
  AND visible_from <= CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) AND (visible_until IS NULL
    OR visible_until > CAST(EXTRACT(EPOCH FROM now()) AS BIGINT));

-- What each movement is made of, item by item: the parts of one add up to its amount. `events` are ids of events, separated
-- by spaces.
CREATE VIEW v_movement_part AS
SELECT m.profile, m.livemode, m.account, m.test_clock, m.customer, m.id AS movement, p.part, m.currency,
       CAST(m.day AS DATE) AS day, to_timestamp(p.effective_at) AS effective_at, m.kind, p.cause,
       p.subscription, p.item, CAST(p.amount AS NUMERIC) / 1000000 AS amount, p.amount AS amount_millionths,
       p.before_product, p.before_price, p.before_interval, p.before_quantity,
       CAST(p.before_amount AS NUMERIC) / 1000000 AS before_amount,
       p.after_product, p.after_price, p.after_interval, p.after_quantity,
       CAST(p.after_amount AS NUMERIC) / 1000000 AS after_amount,
       p.feedback, p.events
FROM movement m
JOIN movement_part p ON p.generation = m.generation AND p.profile = m.profile AND p.livemode = m.livemode
 AND p.account = m.account AND p.customer = m.customer AND p.ordinal = m.ordinal
WHERE m.generation = (SELECT id FROM generation WHERE state = 'current')
  AND m.visible_from <= CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) AND (m.visible_until IS NULL
    OR m.visible_until > CAST(EXTRACT(EPOCH FROM now()) AS BIGINT));

-- What each customer comes to now, a row for each currency; one row without a currency for who never had an amount.
CREATE VIEW v_customer AS
SELECT l.profile, l.livemode, l.account, l.test_clock, l.customer, s.currency, l.country,
       to_timestamp(l.first_mrr_at) AS first_mrr_at,
       CAST(s.mrr AS NUMERIC) / 1000000 AS mrr,
       CAST(s.list AS NUMERIC) / 1000000 AS list,
       CAST(s.estimated AS NUMERIC) / 1000000 AS estimated,
       CAST(s.at_risk AS NUMERIC) / 1000000 AS at_risk,
       CAST(s.scheduled_churn AS NUMERIC) / 1000000 AS scheduled_churn,
       s.mrr AS mrr_millionths, l.metadata
FROM customer_ledger l
LEFT JOIN (
    SELECT generation, profile, livemode, account, customer, currency,
           SUM(mrr) AS mrr, SUM(list) AS list, SUM(estimated) AS estimated, SUM(at_risk) AS at_risk,
           SUM(scheduled_churn) AS scheduled_churn
    FROM item_delta WHERE at <= CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)
    GROUP BY generation, profile, livemode, account, customer, currency
) AS s ON s.generation = l.generation AND s.profile = l.profile AND s.livemode = l.livemode AND s.account = l.account
 AND s.customer = l.customer
WHERE l.generation = (SELECT id FROM generation WHERE state = 'current');

-- Each customer's months: with MRR at the start or end, or with a movement. `month` is its first day.
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
        FROM item_delta WHERE generation = (SELECT id FROM generation WHERE state = 'current')
        AND at <= CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)
        UNION ALL
        SELECT profile, livemode, account, test_clock, customer, currency, substr(day, 1, 7) || '-01', 0,
               CASE WHEN kind = 'new' THEN amount ELSE 0 END,
               CASE WHEN kind = 'expansion' THEN amount ELSE 0 END,
               CASE WHEN kind = 'contraction' THEN amount ELSE 0 END,
               CASE WHEN kind = 'churn' THEN amount ELSE 0 END,
               CASE WHEN kind = 'reactivation' THEN amount ELSE 0 END, 1
        FROM movement WHERE generation = (SELECT id FROM generation WHERE state = 'current')
        AND visible_from <= CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) AND (visible_until IS NULL
        OR visible_until > CAST(EXTRACT(EPOCH FROM now()) AS BIGINT))
    ) AS one
    GROUP BY profile, livemode, account, test_clock, customer, currency, month
), calendar AS (
    SELECT profile, livemode, account, test_clock, customer, currency, MIN(month) COLLATE "C" AS month,
      MAX(month) COLLATE "C" AS last
    FROM moved GROUP BY profile, livemode, account, test_clock, customer, currency
    UNION ALL
    SELECT profile, livemode, account, test_clock, customer, currency, to_char(CAST(month AS DATE) + INTERVAL '1 month',
      'YYYY-MM-DD') COLLATE "C", last
    FROM calendar WHERE month < last OR to_char(CAST(month AS DATE) + INTERVAL '1 month',
      'YYYY-MM-DD') <= to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')
)
SELECT profile, livemode, account, test_clock, customer, currency, CAST(month AS DATE) AS month,
       CAST(mrr - changed AS NUMERIC) / 1000000 AS opening,
       CAST(new AS NUMERIC) / 1000000 AS new,
       CAST(expansion AS NUMERIC) / 1000000 AS expansion,
       CAST(contraction AS NUMERIC) / 1000000 AS contraction,
       CAST(churn AS NUMERIC) / 1000000 AS churn,
       CAST(reactivation AS NUMERIC) / 1000000 AS reactivation,
       CAST(mrr AS NUMERIC) / 1000000 AS closing, mrr AS closing_millionths
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

-- What can't be known, or is estimated, and since when; `until` is null where nothing has settled it yet.
CREATE VIEW v_quality AS
SELECT q.profile, q.livemode, q.account, l.test_clock, q.customer, q.kind, q.object, q.event,
       to_timestamp(q.at) AS at, to_timestamp(CASE WHEN q.until <= CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) THEN q.until END) AS until, q.detail
FROM quality q
JOIN customer_ledger l ON l.generation = q.generation AND l.profile = q.profile AND l.livemode = q.livemode
 AND l.account = q.account AND l.customer = q.customer
WHERE q.generation = (SELECT id FROM generation WHERE state = 'current') AND q.at <= CAST(EXTRACT(EPOCH FROM now()) AS BIGINT);
