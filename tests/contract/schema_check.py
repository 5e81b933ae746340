"""Random JSON Schemas, and what random-weight models write under them: everything parses, is valid by
python3-jsonschema, keeps the order of the properties, and holds no number that was made up.

    schema_check.py PROGRAM [SCHEMAS [ANSWERS [SEED]]]
"""
from __future__ import annotations

import json
import random
import subprocess
import sys
import unicodedata

import jsonschema

REFERENCES = ["{ch2.peak}", "{asset.rms}"]
WORDS = ["cause", "verdict", "note", "a", "ab", "b", "é", 'q"x', "12", "back\\slash", "tab\t", "기계"]


class Schemas:
    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def value(self, depth: int, no_digits: bool) -> dict:
        kinds = ["enum", "const", "string", "boolean", "types"]
        if not no_digits:
            kinds += ["integer", "number", "range"]
        if depth > 0:
            kinds += ["object", "array"] * 2 + ["any"]
        return getattr(self, self.draw.choice(kinds))(depth, no_digits)

    def literal(self) -> object:
        draw = self.draw
        return draw.choice([draw.choice(WORDS), draw.randint(-20, 200), 1, 12, 123, 0.5, None, True, False,
                            [1, "x"], {"k": [None]}])

    def enum(self, depth: int, no_digits: bool) -> dict:
        return {"enum": [self.literal() for _ in range(self.draw.randint(1, 6))]}

    def const(self, depth: int, no_digits: bool) -> dict:
        return {"const": self.literal()}

    def string(self, depth: int, no_digits: bool) -> dict:
        low = self.draw.choice([0, 0, 1, 3])
        schema = {"type": "string"}
        if low:
            schema["minLength"] = low
        if self.draw.random() < 0.9:
            schema["maxLength"] = low + self.draw.choice([0, 1, 2, 5, 12, 30, 60])
        return schema

    def boolean(self, depth: int, no_digits: bool) -> dict:
        return {"type": "boolean", "description": "yes or no"}

    def types(self, depth: int, no_digits: bool) -> dict:
        return {"type": self.draw.sample(["string", "null", "boolean"], 2), "maxLength": 4}

    def integer(self, depth: int, no_digits: bool) -> dict:
        schema = {"type": "integer"}
        if self.draw.random() < 0.5:
            schema["minimum"] = self.draw.randint(0, 1)
        return schema

    def number(self, depth: int, no_digits: bool) -> dict:
        return {"type": "number", "minimum": 0} if self.draw.random() < 0.5 else {"type": "number"}

    def range(self, depth: int, no_digits: bool) -> dict:
        low = self.draw.randint(-30, 30)
        return {"type": "integer", "minimum": low, "maximum": low + self.draw.randint(0, 300)}

    def object(self, depth: int, no_digits: bool) -> dict:
        names = self.draw.sample(WORDS, self.draw.randint(0, 5))
        return {"type": "object", "properties": {name: self.value(depth - 1, no_digits) for name in names},
                "required": [name for name in names if self.draw.random() < 0.6], "additionalProperties": False}

    def array(self, depth: int, no_digits: bool) -> dict:
        low = self.draw.randint(0, 2)
        schema = {"type": "array", "items": self.value(depth - 1, no_digits)}
        if low:
            schema["minItems"] = low
        if self.draw.random() < 0.9:
            schema["maxItems"] = low + self.draw.randint(0, 3)
        return schema

    def any(self, depth: int, no_digits: bool) -> dict:
        return {"anyOf": [{"type": "null"}, self.object(depth, no_digits), self.string(depth, no_digits)]}


def free_strings(schema: dict, value: object):
    """The strings of an answer that no enum or const wrote."""
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            if jsonschema.Draft202012Validator(one).is_valid(value):
                yield from free_strings(one, value)
    elif "enum" in schema or "const" in schema:
        return
    elif isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from free_strings(schema["items"], item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from free_strings(schema["properties"][name], item)


def check_order(schema: dict, value: object) -> bool:
    if isinstance(value, dict) and "properties" in schema:
        order = [name for name in schema["properties"] if name in value]
        return list(value) == order and all(check_order(schema["properties"][name], value[name]) for name in value)
    if isinstance(value, list) and "items" in schema:
        return all(check_order(schema["items"], item) for item in value)
    return True


def check(schema: dict, no_digits: bool, line: str) -> str | None:
    """What is wrong with an answer."""
    try:
        value = json.loads(line)
    except ValueError as error:
        return f"no JSON: {error}"
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if errors:
        return errors[0].message
    if not check_order(schema, value):
        return "another order of properties"
    for text in free_strings(schema, value) if no_digits else []:
        for reference in REFERENCES:
            text = text.replace(reference, "")
        if any(unicodedata.category(c)[0] == "N" or c in "{}" for c in text):
            return f"a number that was made up: {text!r}"
    return None


def main(program: str, n_schemas: int = 150, n_answers: int = 6, seed: int = 1) -> int:
    make = Schemas(seed)
    cases = []
    while len(cases) < n_schemas:
        no_digits = make.draw.random() < 0.5
        cases.append((no_digits, make.value(make.draw.randint(0, 3), no_digits)))
    text = "".join(("no-digits " if no_digits else "free ") + json.dumps(schema, ensure_ascii=False) + "\n"
                   for no_digits, schema in cases)
    lines = iter(subprocess.run([program, str(n_answers)], input=text.encode(), check=True,
                                stdout=subprocess.PIPE).stdout.decode().split("\n"))
    bad = answers = 0
    lengths = set()
    for no_digits, schema in cases:
        for line in lines:
            if line == "end":
                break
            answers += 1
            lengths.add(len(line))
            wrong = line if line.startswith("error") else check(schema, no_digits, line)
            if wrong:
                bad += 1
                print(f"FAIL: {json.dumps(schema, ensure_ascii=False)}\n  {line}\n  {wrong}")
    print(f"{answers} answers to {len(cases)} schemas, {bad} wrong, {len(lengths)} lengths")
    return 1 if bad or answers < n_schemas * n_answers or len(lengths) < 20 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
