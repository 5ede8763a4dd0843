-- Nothing to change: the index of what customers began with or came back with is each generation's own (src/store/sqlite/indices.rs), and
-- the generation that answers is given it at the next start.
SELECT 1;
