-- How far long work at Stripe's API has come, so that a cut-short one goes on where it was. Loss costs time, never truth.
CREATE TABLE progress (
    name  TEXT PRIMARY KEY,
    place TEXT NOT NULL
) STRICT;
