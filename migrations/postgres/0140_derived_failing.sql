-- Whose payments failed, by day: the newest are listed without a look at everybody's.
CREATE INDEX item_delta_failing ON item_delta (generation, profile, livemode, account, test_clock, day, customer) WHERE at_risk > 0;
