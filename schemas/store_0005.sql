-- Version 5: what operators said of events.

-- "That was a false alarm", and the like.  Append-only, the last one counts; leaves with its event.
CREATE TABLE feedback (
	row         INTEGER PRIMARY KEY AUTOINCREMENT,
	event       TEXT NOT NULL REFERENCES event(id) ON DELETE CASCADE,
	said        TEXT NOT NULL CHECK (said IN ('true', 'false', 'unsure')),
	note        TEXT NOT NULL,
	who         TEXT NOT NULL,
	recorded_ms INTEGER NOT NULL            -- wall clock of the box
	            DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER))
) STRICT;
CREATE INDEX feedback_event ON feedback(event, row);
CREATE TRIGGER feedback_update BEFORE UPDATE ON feedback BEGIN
	SELECT RAISE(ABORT, 'feedback is append-only');
END;
CREATE TRIGGER feedback_delete BEFORE DELETE ON feedback
WHEN EXISTS (SELECT 1 FROM event WHERE id = old.event) BEGIN
	SELECT RAISE(ABORT, 'feedback is append-only');
END;

-- Why somebody shelved or acknowledged.  One row per transition that came with a note.
CREATE TABLE alarm_note (
	event    TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	note     TEXT NOT NULL,
	PRIMARY KEY (event, sequence),
	FOREIGN KEY (event, sequence) REFERENCES alarm_log(event, sequence) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Lists filtered by what the alarm is and what it may be.
CREATE INDEX event_fault ON event(fault, raised_ns);
