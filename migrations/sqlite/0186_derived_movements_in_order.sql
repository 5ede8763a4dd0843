-- Nothing to change: the index by day is each generation's own (src/store/sqlite/indices.rs), and the next one's holds the order in
-- which one movement of a customer leads to the next. The present one's is sorted within an instant, when it is asked.
SELECT 1;
