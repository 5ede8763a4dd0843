-- How far long work at Stripe's API has come, so that a cut-short one goes on where it was. Loss costs time, never truth.
CREATE TABLE progress (
    name  TEXT COLLATE "C" PRIMARY KEY,
    place TEXT COLLATE "C" NOT NULL
);
