-- Movements of a cause, in the order of their list: the day and the instant of the movement, in the first of its parts of each
-- cause and null in the others. Rows of a generation that was filled without them have none.
ALTER TABLE movement_part ADD COLUMN moved_on TEXT COLLATE "C";
ALTER TABLE movement_part ADD COLUMN moved_at BIGINT;
CREATE INDEX movement_part_by_cause ON movement_part (generation, profile, livemode, account, cause, moved_on, moved_at)
    WHERE moved_on IS NOT NULL;
