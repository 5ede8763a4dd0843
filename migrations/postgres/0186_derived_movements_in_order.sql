-- Movements of one customer and one instant are listed in the order in which one leads to the next.
DROP INDEX movement_by_day;
CREATE INDEX movement_by_day ON movement (generation, profile, livemode, account, test_clock, day, effective_at, ordinal, id);
