-- Sums that reports read instead of rows: months by group, and what each day adds to the figures that look at customers one
-- by one. A generation that was filled without them answers from its rows until the next one, which is filled at the next
-- start, takes its place.
ALTER TABLE generation ADD COLUMN sums BIGINT NOT NULL DEFAULT 0;

CREATE TABLE group_amount (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    dimension TEXT COLLATE "C" NOT NULL, -- product, price, interval, currency, cause, country, cohort or metadata:KEY
    grp TEXT COLLATE "C" NOT NULL, -- '=' and the group; '' where it isn't known
    currency TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL, -- its first day
    items BIGINT NOT NULL, -- rows of item_delta summed here: none left, no row
    mrr BIGINT NOT NULL, -- whole minor units of each row …
    mrr_rest BIGINT NOT NULL, -- … and the rest of each, in 10⁻⁶
    list BIGINT NOT NULL,
    list_rest BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    estimated_rest BIGINT NOT NULL,
    at_risk BIGINT NOT NULL,
    at_risk_rest BIGINT NOT NULL,
    scheduled_churn BIGINT NOT NULL,
    scheduled_churn_rest BIGINT NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, dimension, grp, currency, month)
);

CREATE TABLE group_count (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    dimension TEXT COLLATE "C" NOT NULL,
    grp TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    items BIGINT NOT NULL,
    customers BIGINT NOT NULL,
    subscriptions BIGINT NOT NULL,
    trials BIGINT NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, dimension, grp, currency, month)
);

CREATE TABLE group_movement (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    dimension TEXT COLLATE "C" NOT NULL,
    grp TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    items BIGINT NOT NULL, -- of those that are shown for ever
    amount BIGINT NOT NULL,
    amount_rest BIGINT NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, dimension, grp, currency, month, kind)
);

CREATE TABLE retention_day (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL, -- what this day adds to each figure; their sum is what it is at a day
    items BIGINT NOT NULL, -- customers who add anything on this day
    positive BIGINT NOT NULL, -- MRR of those who have any
    positive_rest BIGINT NOT NULL,
    kept_month BIGINT NOT NULL, -- change since the start of the month, of those who had MRR then
    kept_month_rest BIGINT NOT NULL,
    kept_quarter BIGINT NOT NULL,
    kept_quarter_rest BIGINT NOT NULL,
    kept_year BIGINT NOT NULL,
    kept_year_rest BIGINT NOT NULL,
    least_month BIGINT NOT NULL, -- the same where nobody counts for more than at the start
    least_month_rest BIGINT NOT NULL,
    least_quarter BIGINT NOT NULL,
    least_quarter_rest BIGINT NOT NULL,
    least_year BIGINT NOT NULL,
    least_year_rest BIGINT NOT NULL,
    kept_12 BIGINT NOT NULL, -- MRR of those who had MRR twelve months before
    kept_12_rest BIGINT NOT NULL,
    least_12 BIGINT NOT NULL, -- where nobody counts for more than then
    least_12_rest BIGINT NOT NULL,
    bought BIGINT NOT NULL, -- new MRR, without what was imported
    bought_rest BIGINT NOT NULL,
    expanded BIGINT NOT NULL, -- expansion of the month that ends with the day
    expanded_rest BIGINT NOT NULL,
    held BIGINT NOT NULL, -- how much of it is held 90 days later
    held_rest BIGINT NOT NULL,
    paying BIGINT NOT NULL, -- customers
    lost_month BIGINT NOT NULL, -- of those at the start of the month, who pay nothing now
    lost_quarter BIGINT NOT NULL,
    lost_year BIGINT NOT NULL,
    lost_in_month BIGINT NOT NULL, -- of those a month before
    new_30 BIGINT NOT NULL, -- whose first MRR came in the last 30 days
    lost_30 BIGINT NOT NULL, -- of these and of those 30 days before, who pay nothing now
    buyers BIGINT NOT NULL, -- new customers, without who was imported
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day)
);

CREATE TABLE cohort_day (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    cohort TEXT COLLATE "C" NOT NULL, -- the month of first MRR: 2026-10
    day TEXT COLLATE "C" NOT NULL,
    items BIGINT NOT NULL, -- customers who add anything on this day
    mrr BIGINT NOT NULL,
    mrr_rest BIGINT NOT NULL,
    active BIGINT NOT NULL, -- customers with MRR
    members BIGINT NOT NULL, -- customers who ever had an amount
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, cohort, day)
);

CREATE TABLE customer_mrr (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    items BIGINT NOT NULL, -- rows of item_delta, those dated ahead among them
    amount BIGINT NOT NULL,
    amount_rest BIGINT NOT NULL,
    PRIMARY KEY (generation, profile, livemode, account, test_clock, customer, currency)
);
