-- Exchange rates the user imported: a record beside the log, not derived from it.

CREATE TABLE fx_rate (
    base     TEXT COLLATE "C"    NOT NULL,               -- the currency the file's rates are told against
    day      TEXT COLLATE "C"    NOT NULL,
    currency TEXT COLLATE "C"    NOT NULL,
    rate     TEXT COLLATE "C"    NOT NULL,               -- a decimal, as written
    per_base BOOLEAN NOT NULL,               -- true: units of currency for one of base; false: the other way round
    PRIMARY KEY (base, day, currency)
);

CREATE TABLE fx_import (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the greatest tells whether anything was imported since
    imported_at BIGINT NOT NULL,                                 -- unix seconds, our clock
    rates       BIGINT NOT NULL                                  -- how many were new or other than before
);
