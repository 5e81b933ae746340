-- Millwright's store, version 1.  Times are nanoseconds since the Unix epoch, UTC, of the data's clock
-- unless a column says otherwise; codes (machine, fault, state ...) are the stable texts of alerts.
-- A number that was not measurable (NaN) is NULL.

CREATE TABLE asset (
	name      TEXT PRIMARY KEY,
	machine   TEXT NOT NULL,
	period_ns INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE channel (
	asset    TEXT NOT NULL REFERENCES asset(name) ON DELETE CASCADE,
	position INTEGER NOT NULL,              -- the channel's number in baselines and events
	name     TEXT NOT NULL,
	unit     TEXT NOT NULL,
	role     TEXT NOT NULL,
	PRIMARY KEY (asset, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE baseline (                         -- what healthy looked like, one row per learning
	asset   TEXT NOT NULL REFERENCES asset(name) ON DELETE CASCADE,
	version INTEGER NOT NULL,               -- 1, 2, ... per asset
	made_ns INTEGER NOT NULL,
	data    BLOB NOT NULL,
	PRIMARY KEY (asset, version)
) STRICT;

CREATE TABLE event (
	row                 INTEGER PRIMARY KEY,
	id                  TEXT NOT NULL UNIQUE,
	asset               TEXT NOT NULL REFERENCES asset(name),
	machine             TEXT NOT NULL,
	verdict             TEXT NOT NULL,
	fault               TEXT NOT NULL,
	severity            INTEGER NOT NULL,
	score               REAL,
	p_value             REAL,
	fault_probability   REAL,
	onset_ns            INTEGER NOT NULL,
	onset_before_window INTEGER NOT NULL,
	raised_ns           INTEGER NOT NULL,
	updated_ns          INTEGER NOT NULL,
	cleared_ns          INTEGER NOT NULL,   -- 0: not yet
	state               TEXT NOT NULL,
	sequence            INTEGER NOT NULL,   -- of the last transition
	language            TEXT NOT NULL,
	form                TEXT NOT NULL,
	explanation         TEXT NOT NULL,
	cause               TEXT NOT NULL,
	"check"             TEXT NOT NULL,
	model               TEXT NOT NULL,
	window_from_ns      INTEGER NOT NULL,
	window_to_ns        INTEGER NOT NULL,
	period_ns           INTEGER NOT NULL
) STRICT;
CREATE INDEX event_raised ON event(raised_ns);
CREATE INDEX event_asset ON event(asset, raised_ns);
CREATE INDEX event_active ON event(raised_ns) WHERE cleared_ns = 0;
CREATE INDEX event_closed ON event(updated_ns) WHERE cleared_ns > 0;

CREATE TABLE event_channel (                    -- the channels an event names, most telling first
	event        INTEGER NOT NULL REFERENCES event(row) ON DELETE CASCADE,
	rank         INTEGER NOT NULL,          -- 0 is {c1}
	position     INTEGER NOT NULL,
	name         TEXT NOT NULL,
	unit         TEXT NOT NULL,
	value        REAL,
	expected     REAL,
	deviation    REAL,                      -- multiples of the healthy spread, signed
	strength     REAL,
	peak_ns      INTEGER NOT NULL,
	direction    INTEGER NOT NULL,          -- +1 above, -1 below, 0 neither
	move         INTEGER NOT NULL,          -- +1 rose, -1 fell, 0 held
	PRIMARY KEY (event, rank)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_citation (                   -- bytes [from, to) of the explanation are this number
	event     INTEGER NOT NULL REFERENCES event(row) ON DELETE CASCADE,
	n         INTEGER NOT NULL,
	from_byte INTEGER NOT NULL,
	to_byte   INTEGER NOT NULL,
	reference TEXT NOT NULL,
	value     REAL,
	PRIMARY KEY (event, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_window (                     -- what was measured, of the event's channels
	event      INTEGER PRIMARY KEY REFERENCES event(row) ON DELETE CASCADE,
	n_rows     INTEGER NOT NULL,
	n_channels INTEGER NOT NULL,
	from_ns    INTEGER NOT NULL,
	period_ns  INTEGER NOT NULL,
	value      BLOB NOT NULL,               -- row-major little-endian doubles, NaN: nothing measured
	expected   BLOB NOT NULL
) STRICT;

-- Words of all events, for `history --text`.  The text itself lives in `event`.
CREATE VIRTUAL TABLE event_text USING fts5(
	asset, fault, explanation, cause, "check",
	content='event', content_rowid='row', tokenize='unicode61', prefix='2 3'
);
CREATE TRIGGER event_text_insert AFTER INSERT ON event BEGIN
	INSERT INTO event_text(rowid, asset, fault, explanation, cause, "check")
	VALUES (new.row, new.asset, new.fault, new.explanation, new.cause, new."check");
END;
CREATE TRIGGER event_text_delete AFTER DELETE ON event BEGIN
	INSERT INTO event_text(event_text, rowid, asset, fault, explanation, cause, "check")
	VALUES ('delete', old.row, old.asset, old.fault, old.explanation, old.cause, old."check");
END;
CREATE TRIGGER event_text_update AFTER UPDATE ON event BEGIN
	INSERT INTO event_text(event_text, rowid, asset, fault, explanation, cause, "check")
	VALUES ('delete', old.row, old.asset, old.fault, old.explanation, old.cause, old."check");
	INSERT INTO event_text(rowid, asset, fault, explanation, cause, "check")
	VALUES (new.row, new.asset, new.fault, new.explanation, new.cause, new."check");
END;

-- Who did what when.  Append-only: rows may leave only behind the retention mark, with their event.
CREATE TABLE retention (
	one       INTEGER PRIMARY KEY CHECK (one = 1),
	before_ns INTEGER NOT NULL
) STRICT;
INSERT INTO retention VALUES (1, -9223372036854775808);

CREATE TABLE alarm_log (
	row         INTEGER PRIMARY KEY AUTOINCREMENT,
	event       TEXT NOT NULL REFERENCES event(id),
	sequence    INTEGER NOT NULL,
	transition  TEXT NOT NULL,
	state       TEXT NOT NULL,
	severity    INTEGER NOT NULL,
	score       REAL,
	p_value     REAL,
	at_ns       INTEGER NOT NULL,
	who         TEXT NOT NULL,
	recorded_ms INTEGER NOT NULL            -- wall clock of the box
	            DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)),
	UNIQUE (event, sequence)
) STRICT;
CREATE TRIGGER alarm_log_update BEFORE UPDATE ON alarm_log BEGIN
	SELECT RAISE(ABORT, 'alarm_log is append-only');
END;
CREATE TRIGGER alarm_log_delete BEFORE DELETE ON alarm_log
WHEN old.at_ns >= (SELECT before_ns FROM retention) BEGIN
	SELECT RAISE(ABORT, 'alarm_log is append-only');
END;

CREATE TABLE outbox (                           -- to be published, in order; gone when acknowledged
	row      INTEGER PRIMARY KEY AUTOINCREMENT,
	key      TEXT NOT NULL UNIQUE,          -- "ev-.../3": at most one row per message
	topic    TEXT NOT NULL,
	payload  BLOB NOT NULL,
	qos      INTEGER NOT NULL,
	retained INTEGER NOT NULL
) STRICT;

CREATE TABLE state (                            -- "pipeline", "asset/<name>": what a restart needs
	key  TEXT PRIMARY KEY,
	data BLOB NOT NULL
) STRICT;
