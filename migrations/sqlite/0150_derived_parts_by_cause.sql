-- Movements of a cause, in the order of their list: the day and the instant of the movement, in the first of its parts of each
-- cause and null in the others. Rows of a generation that was filled without them have none; here each generation has the
-- index by cause of its own (src/store/sqlite/indices.rs).
ALTER TABLE movement_part ADD COLUMN moved_on TEXT;
ALTER TABLE movement_part ADD COLUMN moved_at INTEGER;
