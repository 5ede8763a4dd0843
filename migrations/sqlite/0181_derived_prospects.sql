-- What is known ahead of each customer, as rows beside its others: committed MRR reads these, and facts only of whoever has
-- something overdue that rows don't tell. A generation that was filled without them answers from facts until the next one, which
-- is filled at the next start, takes its place.
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
