-- The index by day holds all that a month's bridge adds up, so that no row is looked up for it.
DROP INDEX movement_by_day;
CREATE INDEX movement_by_day ON movement (generation, profile, livemode, account, test_clock, day, effective_at, id, currency, kind, amount, visible_from, visible_until);
