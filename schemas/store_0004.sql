-- Version 4: what is probably behind an event.

-- Code of the site's own fault that the event is named by ('' = none; then event.fault says it).
ALTER TABLE event ADD COLUMN site_fault TEXT NOT NULL DEFAULT '';

CREATE TABLE event_cause (
	event       INTEGER NOT NULL REFERENCES event(row) ON DELETE CASCADE,
	rank        INTEGER NOT NULL,          -- 0 is likeliest
	channel     TEXT NOT NULL,             -- the variable that it comes from
	related     TEXT NOT NULL,             -- what it drives, or what drives it; '' = none
	probability REAL NOT NULL,
	why         INTEGER NOT NULL,          -- bits of enum mw_why_cause (gateway/core/event.h)
	fault       TEXT NOT NULL,
	site_fault  TEXT NOT NULL,
	name        TEXT NOT NULL,             -- of the fault, in the event's language
	cause       TEXT NOT NULL,
	"check"     TEXT NOT NULL,
	PRIMARY KEY (event, rank)
) STRICT, WITHOUT ROWID;
