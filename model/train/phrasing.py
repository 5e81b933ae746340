"""The grammar of phrasings: what a page of model/train/words/ means, and how a text is drawn from it.

A page is read by people first.  `== NAME` begins a section, a line is a frame, `#` begins a remark,
`let NAME = ...` gives alternatives a name and `<NAME>` uses them.  Inside a frame

    [a / b]             one of these; an empty last one is taken only when no other can be, `~` is
                        nothing, as good as the others
    {c1.value}          a reference
    {c1.rose|climbed / went up}   a claim, in one of these words
    {이/가}             the Korean particle that fits
    text, signs and claims written without a space after a reference, and signs after a word, join

A frame can be used where all that it cites and claims holds; of alternatives those that hold.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

import numpy as np

SIGNS, NOTHING = ",.;:!?", "~"
JOSA = ("이/가", "은/는", "을/를", "으로/로")
ESCAPES = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Word:
    text: str


@dataclass(frozen=True)
class Row:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Choice:
    options: tuple["Node", ...]
    otherwise: bool = False  # nothing is said where no option holds


Node = Union[Word, Row, Choice]
Holds = Callable[[str], bool]  # whether a word may be used
Worth = Callable[[str], float]  # how much a word is worth saying, ordinary: 1


def words_in(node: Node) -> Iterator[str]:
    """Every word that a frame can use."""
    if isinstance(node, Word):
        yield node.text
    else:
        for part in node.parts if isinstance(node, Row) else node.options:
            yield from words_in(part)


# --- drawing ------------------------------------------------------------------------------------

MOST_WORTH = 16.0


def worth_of(node: Node, holds: Holds, worth: Worth) -> float:
    """0: it cannot be used."""
    if isinstance(node, Word):
        return worth(node.text) if holds(node.text) else 0.0
    if isinstance(node, Row):
        value = 1.0
        for part in node.parts:
            value *= worth_of(part, holds, worth)
        return min(value, MOST_WORTH)
    best = max(worth_of(option, holds, worth) for option in node.options)
    return best if best or not node.otherwise else 1.0


def pick(weights: list[float], rng: np.random.Generator) -> int:
    place = rng.random() * sum(weights)
    for i, weight in enumerate(weights):
        place -= weight
        if place < 0:
            return i
    return max(range(len(weights)), key=weights.__getitem__)


def draw(node: Node, holds: Holds, worth: Worth, rng: np.random.Generator) -> list[str]:
    """Words of a frame that can be used."""
    if isinstance(node, Word):
        return [node.text]
    if isinstance(node, Row):
        return [word for part in node.parts for word in draw(part, holds, worth, rng)]
    weights = [worth_of(option, holds, worth) for option in node.options]
    return draw(node.options[pick(weights, rng)], holds, worth, rng) if any(weights) else []


# --- reading ------------------------------------------------------------------------------------


class PageError(ValueError):
    pass


class _Reader:
    """One frame, letter by letter."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def fail(self, what: str) -> PageError:
        return PageError(f"{what}: {self.text[: self.at]}<<here>>{self.text[self.at :]}")

    @property
    def next(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def row(self, joined: str, inside: bool) -> Row:
        """Up to the end or, inside of brackets, up to what ends an alternative.  `joined` is what
        stands before without a space: "" (nothing), "word" or "cited"."""
        parts: list[Node] = []
        while self.next and not (inside and self.next in "/]"):
            if self.next.isspace():
                self.at, joined = self.at + 1, ""
            elif self.next == "[":
                parts.append(self.choice(joined))
                joined = "cited"
            elif self.next == "{":
                parts.append(self.braces(joined))
                joined = "cited"
            elif self.next == NOTHING:
                parts.append(Word(NOTHING))
                self.at += 1
            elif self.next in SIGNS:
                parts.append(Word("+" + self.next))
                self.at, joined = self.at + 1, "word"
            else:
                parts.append(Word(("+" if joined == "cited" else "") + self.literal(joined)))
                joined = "word"
        return Row(tuple(parts))

    def literal(self, joined: str) -> str:
        start = self.at
        while self.next and not self.next.isspace() and self.next not in "[]{}/" + SIGNS:
            self.at += 1
        if self.at == start or joined == "word":
            raise self.fail("a word that joins nothing")
        return self.text[start : self.at]

    def choice(self, joined: str) -> Choice:
        options, ends = [], ""
        while ends != "]":
            self.at += 1
            while self.next.isspace():
                self.at += 1
            options.append(self.row(joined, True))
            ends = self.next
            if not ends:
                raise self.fail("no ]")
        self.at += 1
        otherwise = not options[-1].parts
        kept = [Row(()) if option == Row((Word(NOTHING),)) else option for option in options]
        kept = kept[:-1] if otherwise else kept
        if any(not option.parts for option in options[: len(kept)]):
            raise self.fail("an empty alternative that is not the last")
        return Choice(tuple(kept), otherwise)

    def braces(self, joined: str) -> Node:
        end = self.text.find("}", self.at)
        if end < 0:
            raise self.fail("no }")
        inner, self.at = self.text[self.at + 1 : end], end + 1
        if inner in JOSA:
            return Word(f"{{josa:{inner}}}")
        claim, bar, phrases = inner.partition("|")
        if not bar:
            if joined:
                raise self.fail("a reference joins nothing")
            return Word("{" + inner + "}")
        sign = "+" if joined else ""
        said = [sign + "_".join(phrase.split()) for phrase in phrases.split(" / ")]
        return Choice(tuple(Word(f"{{{claim}|{phrase}}}") for phrase in said))


def _expand(text: str, named: Mapping[str, str]) -> str:
    for _ in range(8):
        if not ESCAPES.search(text):
            return text
        try:
            text = ESCAPES.sub(lambda match: f"[{named[match[1]]}]", text)
        except KeyError as unknown:
            raise PageError(f"no let {unknown}") from None
    raise PageError(f"a let that never ends: {text}")


def read_frame(text: str, named: Mapping[str, str] | None = None) -> Row:
    reader = _Reader(_expand(text, named or {}))
    row = reader.row("", False)
    if not row.parts:
        raise PageError(f"an empty frame: {text}")
    return row


@dataclass
class Page:
    """The sections of one language, frames in order."""

    sections: dict[str, list[Node]] = field(default_factory=dict)

    def words(self) -> Iterator[str]:
        for frames in self.sections.values():
            for frame in frames:
                yield from words_in(frame)


def read_page(path: Path) -> Page:
    page, named, section = Page(), {}, None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if line.startswith("== "):
                section = page.sections.setdefault(line[3:].strip(), [])
            elif line.startswith("let "):
                name, _, value = line[4:].partition("=")
                named[name.strip()] = value.strip()
            elif section is None:
                raise PageError("a frame before the first section")
            else:
                section.append(read_frame(line, named))
        except PageError as error:
            raise PageError(f"{path.name}:{number}: {error}") from None
    return page
