"""Validates every alert of a JSON Lines file against schemas/alert.schema.json, and its citations: each
number in the explanation is the value its citation says, and that value stands in the alert's channels."""
import json
import re
import sys

from jsonschema import Draft202012Validator, FormatChecker

NUMBER = re.compile(r"\d+(?:\.\d+)?")


def cited_value(alert: dict, reference: str):
    """The value of the alert that a reference such as c2.value stands for, or None for a time."""
    match = re.fullmatch(r"c(\d)\.(value|normal|dev)", reference)
    if not match:
        return None
    channel = alert["channels"][int(match[1]) - 1]
    return {"value": channel["value"], "normal": channel["expected"], "dev": channel["deviation"]}[match[2]]


def check_citations(alert: dict) -> int:
    text = alert["explanation"].encode()
    covered = bytearray(len(text))
    numbers = 0
    for citation in alert["citations"]:
        span = text[citation["from"]:citation["to"]].decode()
        covered[citation["from"]:citation["to"]] = b"\1" * (citation["to"] - citation["from"])
        value = cited_value(alert, citation["reference"])
        if value is None:
            continue
        written = NUMBER.search(span)
        assert written, f"{citation['reference']} renders no number: {span!r}"
        decimals = len(written[0].partition(".")[2])
        error = abs(float(written[0]) - abs(value))
        assert error <= 0.5001 * 10**-decimals, f"{span!r} is written, {value} was measured"
        numbers += 1
    for match in NUMBER.finditer(alert["explanation"]):
        at = len(alert["explanation"][:match.start()].encode())
        assert covered[at], f"the number {match[0]} is not cited: {alert['explanation']}"
    return numbers


def main() -> int:
    with open("schemas/alert.schema.json") as handle:
        validator = Draft202012Validator(json.load(handle), format_checker=FormatChecker())
    count = numbers = 0
    for line in open(sys.argv[1]):
        alert = json.loads(line)
        validator.validate(alert)
        numbers += check_citations(alert)
        count += 1
    assert count > 0 and numbers > 0, "nothing to check"
    print(f"{count} alerts valid, {numbers} numbers true")
    return 0


if __name__ == "__main__":
    sys.exit(main())
