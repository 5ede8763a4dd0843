-- What is known ahead of each customer, as rows beside its others: committed MRR reads these, and facts only of whoever has
-- something overdue that rows don't tell. A generation that was filled without them answers from facts until the next one, which
-- is filled at the next start, takes its place.
CREATE TABLE prospect (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C" NOT NULL,
    ordinal BIGINT NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    shown_from BIGINT NOT NULL, -- readers take what is shown at their instant
    shown_until BIGINT, -- NULL: for good
    at BIGINT NOT NULL, -- when it is due
    kind TEXT COLLATE "C" NOT NULL, -- a line of committed MRR, or at_risk, trial, renewal, untold, overdue
    known_at BIGINT NOT NULL, -- the last thing known: before it the facts are read
    subscription TEXT COLLATE "C" NOT NULL,
    item TEXT COLLATE "C",
    product TEXT COLLATE "C",
    price TEXT COLLATE "C",
    currency TEXT COLLATE "C",
    amount BIGINT, -- in 10⁻⁶ of a minor unit; NULL: the log can't tell
    estimated BOOLEAN NOT NULL,
    event TEXT COLLATE "C",
    detail TEXT COLLATE "C", -- what isn't known, in words
    PRIMARY KEY (generation, profile, livemode, account, customer, ordinal)
);
