"""Validates lines of alerts and events, then breaks one alert in every way and expects a refusal."""
import copy
import json
import re
import sys
from pathlib import Path

from jsonschema import Draft202012Validator


def validator(name: str) -> Draft202012Validator:
    schema = json.loads(Path(f"schemas/{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def breakages(alert: dict):
    """Named alerts that differ from a good one in one thing that no receiver should have to expect."""
    for key in alert:
        yield f"without {key}", {k: v for k, v in alert.items() if k != key}
        yield f"{key} an object", {**alert, key: {}}
    for key, value in {"schema": "millwright.alert/2", "id": "7", "sequence": -1, "sequence ": 0.5, "transition": "gone",
                       "state": "fine", "machine": "submarine", "fault": "gremlin", "verdict": "maybe", "severity": 4,
                       "severity_opcua": 0, "score": 1.5, "p_value": -0.1, "raised": "2026-03-04", "raised ": None,
                       "cleared": "2026-03-04T12:00:00+09:00", "language": "de", "form": "poem", "asset": "",
                       "channels": [{}], "citations": [{}], "channels ": [alert["channels"][0]] * 5,
                       "similar": [{}], "similar ": [alert["similar"][0]] * 4}.items():
        yield f"{key} = {value}", {**alert, key.strip(): value}
    for key in alert["channels"][0]:
        broken = copy.deepcopy(alert)
        del broken["channels"][0][key]
        yield f"a channel without {key}", broken
    for key in alert["similar"][0]:
        broken = copy.deepcopy(alert)
        del broken["similar"][0][key]
        yield f"an earlier event without {key}", broken
    for key in alert["citations"][0]:
        broken = copy.deepcopy(alert)
        del broken["citations"][0][key]
        yield f"a citation without {key}", broken


def check_order(line: str, schema: dict) -> None:
    """Keys come in the schema's order, so that a person can read a message as it is."""
    keys = list(json.loads(line))
    assert keys == [key for key in schema["properties"] if key in keys], keys


def check_citations(alert: dict) -> None:
    """The bytes a number citation points at start with that number."""
    text = alert["explanation"].encode()
    for citation in alert["citations"]:
        span = text[citation["from"]:citation["to"]].decode()
        if citation["value"] is None:
            assert not re.search(r"\d", span), span
        else:
            assert float(re.match(r"-?[\d.]+", span)[0]) == citation["value"], (span, citation)


def main() -> int:
    alerts, events = validator("alert"), validator("event")
    lines = Path(sys.argv[1]).read_text().splitlines()
    for line in lines:
        alert = json.loads(line)
        alerts.validate(alert)
        check_order(line, alerts.schema)
        check_citations(alert)
    event_lines = Path(sys.argv[2]).read_text().splitlines()
    for line in event_lines:
        events.validate(json.loads(line))
        check_order(line, events.schema)
    assert len(lines) > 100 and len(event_lines) > 200
    refused = 0
    for name, broken in breakages(json.loads(lines[0])):
        assert not alerts.is_valid(broken), f"accepted: {name}"
        refused += 1
    assert not events.is_valid(json.loads(lines[0])) and not alerts.is_valid(json.loads(event_lines[0]))
    print(f"{len(lines)} alerts and {len(event_lines)} events valid, {refused} broken ones refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())
