-- Exchange rates the user imported: a record beside the log, not derived from it.

CREATE TABLE fx_rate (
    base     TEXT    NOT NULL,               -- the currency the file's rates are told against
    day      TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    rate     TEXT    NOT NULL,               -- a decimal, as written
    per_base INTEGER NOT NULL,               -- 1: units of currency for one of base; 0: units of base for one of currency
    PRIMARY KEY (base, day, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE fx_import (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- the greatest one tells whether anything was imported since
    imported_at INTEGER NOT NULL,                  -- unix seconds, our clock
    rates       INTEGER NOT NULL                   -- how many were new or other than before
) STRICT;
