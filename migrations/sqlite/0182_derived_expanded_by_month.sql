-- What customers expanded by in each month and what they hold of it later, summed beside their rows: how long expansion lasts is
-- read from these. A generation that was filled without them answers from its rows until the next one, which is filled at the next
-- start, takes its place.
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
