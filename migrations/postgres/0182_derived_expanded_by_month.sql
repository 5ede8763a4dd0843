-- What customers expanded by in each month and what they hold of it later, summed beside their rows: how long expansion lasts is
-- read from these. A generation that was filled without them answers from its rows until the next one, which is filled at the next
-- start, takes its place.
CREATE TABLE expanded_month (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL, -- such as 2026-01
    rollup TEXT COLLATE "C" NOT NULL, -- a group of causes; '' over all of them
    items BIGINT NOT NULL, -- customers who expanded: none left, no row
    expansion BIGINT NOT NULL, -- by how much, whole minor units
    expansion_rest BIGINT NOT NULL, -- and the rest of it in 10⁻⁶
    held_30 BIGINT NOT NULL, -- what is held of it 30 days after the month's last, whole minor units
    held_30_rest BIGINT NOT NULL, -- and the rest of it in 10⁻⁶
    held_90 BIGINT NOT NULL, -- what is held of it 90 days after the month's last, whole minor units
    held_90_rest BIGINT NOT NULL, -- and the rest of it in 10⁻⁶
    held_180 BIGINT NOT NULL, -- what is held of it 180 days after the month's last, whole minor units
    held_180_rest BIGINT NOT NULL, -- and the rest of it in 10⁻⁶
    held_365 BIGINT NOT NULL, -- what is held of it 365 days after the month's last, whole minor units
    held_365_rest BIGINT NOT NULL, -- and the rest of it in 10⁻⁶
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, month, rollup)
);
