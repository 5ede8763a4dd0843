-- What a company spends, by month: imported beside attributes, numbered and sealed with them.
CREATE TABLE import_spend (
    import   INTEGER NOT NULL,
    line     INTEGER NOT NULL,           -- of the file, from 1
    month    TEXT    NOT NULL,           -- YYYY-MM
    currency TEXT    NOT NULL,
    kind     TEXT    NOT NULL,           -- sales, marketing, cost_of_service, operating
    segment  TEXT    NOT NULL,           -- '': the whole company's
    amount   TEXT    NOT NULL,           -- a decimal of minor units
    PRIMARY KEY (import, line)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER import_spend_no_update BEFORE UPDATE ON import_spend BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_spend_no_delete BEFORE DELETE ON import_spend BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
