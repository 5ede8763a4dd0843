-- The list of what customers began with or came back with, in its order: kinds that may be rare among all movements.
CREATE INDEX movement_gained ON movement (generation, profile, livemode, account, test_clock, kind, day, effective_at, ordinal, id) WHERE kind IN ('new', 'reactivation');
