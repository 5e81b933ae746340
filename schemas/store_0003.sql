-- Version 3: what the words of an event rest on.

ALTER TABLE event_channel ADD COLUMN spread REAL;       -- healthy, at the peak; NULL: no quantity
ALTER TABLE event_channel ADD COLUMN step REAL;         -- healthy rms from row to row
ALTER TABLE event_channel ADD COLUMN before REAL;       -- mean before the onset
ALTER TABLE event_channel ADD COLUMN newest REAL;       -- mean of the newest readings
ALTER TABLE event_channel ADD COLUMN passed_limit REAL;
ALTER TABLE event_channel ADD COLUMN claims TEXT NOT NULL DEFAULT '';   -- names, apart by blanks (gateway/core/claim.h)

-- The channels of the asset that the event does not name.
ALTER TABLE event ADD COLUMN other_channels INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN other_level REAL;       -- the largest of them, since the onset
