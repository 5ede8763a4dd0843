-- What an annotation is about: a planned event, a price change, or a note for whoever reads a chart, which silences no alert.
ALTER TABLE annotation ADD COLUMN kind TEXT NOT NULL DEFAULT 'planned';
