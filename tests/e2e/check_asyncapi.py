"""Checks lines "topic TAB qos TAB retained TAB payload" against schemas/asyncapi.yaml: each topic is a channel's
address, sent as its operation says, with a payload of its message's schema; and no channel is silent."""
import json
import re
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

ROOT = Path("schemas")


def resolve(document: dict, node: dict) -> dict:
    """Follows $ref, inside the document or to a file beside it."""
    while "$ref" in node:
        reference = node["$ref"]
        if reference.startswith("#/"):
            node = document
            for part in reference[2:].split("/"):
                node = node[part]
        else:
            node = json.loads((ROOT / reference).read_text())
    return node


def channels(document: dict):
    """(name, pattern of the address, validator, qos, retain) of each channel."""
    for name, channel in document["channels"].items():
        pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(channel["address"])))
        (message,) = channel["messages"].values()
        payload = resolve(document, message)["payload"]
        schema = resolve(document, payload.get("schema", payload))
        (operation,) = [op["bindings"]["mqtt"] for op in document["operations"].values()
                        if op["channel"]["$ref"] == f"#/channels/{name}"]
        yield name, pattern, Draft202012Validator(schema), operation["qos"], operation["retain"]


def main() -> int:
    document = yaml.safe_load((ROOT / "asyncapi.yaml").read_text())
    known = list(channels(document))
    for message in document["components"]["messages"].values():
        payload = resolve(document, message["payload"].get("schema", message["payload"]))
        for example in message.get("examples", []):
            Draft202012Validator(payload).validate(example["payload"])
    seen = dict.fromkeys((name for name, *_ in known), 0)
    for line in Path(sys.argv[1]).read_text().splitlines():
        topic, qos, retained, text = line.split("\t", 3)
        matches = [entry for entry in known if entry[1].fullmatch(topic)]
        assert len(matches) == 1, f"{topic} is not described"
        name, _, validator, expected_qos, expected_retain = matches[0]
        validator.validate(json.loads(text))
        assert int(qos) == expected_qos, f"{topic}: QoS {qos}, described as {expected_qos}"
        assert bool(int(retained)) == expected_retain, f"{topic}: retained {retained}"
        seen[name] += 1
    assert all(seen.values()), f"a channel was silent: {seen}"
    print(", ".join(f"{count} {name}" for name, count in seen.items()) + " messages as described")
    return 0


if __name__ == "__main__":
    sys.exit(main())
