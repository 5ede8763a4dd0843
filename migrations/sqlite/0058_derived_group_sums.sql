-- Sums that reports read instead of rows: months by group, and what each day adds to the figures that look at customers one
-- by one. A generation that was filled without them answers from its rows until the next one, which is filled at the next
-- start, takes its place.
ALTER TABLE generation ADD COLUMN sums INTEGER NOT NULL DEFAULT 0;

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
