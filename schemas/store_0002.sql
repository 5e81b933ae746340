-- Version 2: what an event looked like to the model, and which earlier ones it looks like.

-- The window at the raise as one vector (gateway/core/embedding.h): value i is vector[i] * scale, int8.
-- No row where no model judged.  Compared only with vectors of the same model file.
CREATE TABLE event_embedding (
	event  INTEGER PRIMARY KEY REFERENCES event(row) ON DELETE CASCADE,
	model  TEXT NOT NULL,                   -- name and hash of the model file
	scale  REAL NOT NULL,
	vector BLOB NOT NULL
) STRICT;

-- The nearest earlier events of the asset as they were known at the raise; they may have left since.
CREATE TABLE event_similar (
	event        INTEGER NOT NULL REFERENCES event(row) ON DELETE CASCADE,
	rank         INTEGER NOT NULL,          -- 0 is most alike
	id           TEXT NOT NULL,
	raised_ns    INTEGER NOT NULL,
	similarity   REAL NOT NULL,             -- cosine of the two vectors
	fault        TEXT NOT NULL,
	acknowledged INTEGER NOT NULL,          -- somebody had acknowledged it by then
	PRIMARY KEY (event, rank)
) STRICT, WITHOUT ROWID;
