-- What a company spends, by month: imported beside attributes, numbered and sealed with them.
CREATE TABLE import_spend (
    import BIGINT NOT NULL,
    line BIGINT NOT NULL, -- of the file, from 1
    month TEXT COLLATE "C" NOT NULL, -- YYYY-MM
    currency TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL, -- sales, marketing, cost_of_service, operating
    segment TEXT COLLATE "C" NOT NULL, -- '': the whole company's
    amount TEXT COLLATE "C" NOT NULL, -- a decimal of minor units
    PRIMARY KEY (import, line)
);

CREATE TRIGGER import_spend_no_change BEFORE UPDATE OR DELETE ON import_spend FOR EACH ROW EXECUTE FUNCTION mrrd_import();
CREATE TRIGGER import_spend_no_truncate BEFORE TRUNCATE ON import_spend EXECUTE FUNCTION mrrd_import();
