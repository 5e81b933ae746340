"""Checks an event of `millwright show --json`: the cited peak values really stand in its stored window."""
import json
import sys

event = json.load(open(sys.argv[1]))
window = event["window"]
columns = list(zip(*window["value"]))
assert len(columns) == len(event["channels"]) > 0, "the window does not show the named channels"
for channel, column in zip(event["channels"], columns):
    readings = [value for value in column if value is not None]
    nearest = min(abs(value - channel["value"]) for value in readings)
    assert nearest <= 1e-6 * max(1.0, abs(channel["value"])), f"{channel['channel']}: {channel['value']} was never measured"
print(f"{len(columns)} channels, every cited value was measured")
