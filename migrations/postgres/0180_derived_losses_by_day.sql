-- How many customers lost something on each day, summed beside their rows: alerts tried on the past read these, and single
-- customers only of days that stand out. A generation that was filled without them answers from its rows until the next one,
-- which is filled at the next start, takes its place.
CREATE TABLE loss_day (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL, -- '': by how much more often one was counted who lost in several, and whose payments fail
    day TEXT COLLATE "C" NOT NULL,
    magnitude BIGINT NOT NULL, -- n: the largest that was lost lies from 2ⁿ⁻¹ to 2ⁿ − 1, in 10⁻⁶ of a minor unit
    items BIGINT NOT NULL, -- customers summed here: none left, no row
    churned BIGINT NOT NULL, -- customers who left
    involuntary BIGINT NOT NULL, -- of these, without having asked for it
    voluntary BIGINT NOT NULL, -- of these, who asked for it
    contracted BIGINT NOT NULL, -- who pay less and stay
    failing BIGINT NOT NULL, -- whose payments began to fail
    PRIMARY KEY (generation, profile, livemode, account, test_clock, currency, day, magnitude)
);
