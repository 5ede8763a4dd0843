-- What orders rows by time instead of by customer lies all over its index: a generation that is filled customer by customer
-- touched nearly every page of these in each transaction, the more the larger it was. Each generation has its own instead,
-- made in order once its rows are there, and gone with it at once: `item_delta_by_time_7` is that of generation 7
-- (src/store/sqlite/indices.rs). The one that answers gets its own when the file is opened next.
DROP INDEX count_delta_by_time;
DROP INDEX item_delta_by_time;
DROP INDEX movement_by_day;
DROP INDEX movement_by_time;
DROP INDEX movement_for_a_while;
DROP INDEX movement_lost;
