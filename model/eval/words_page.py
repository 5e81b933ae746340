"""Is a sentence one that the phrasings yield?  The model has learnt them and is free to go astray: a
sentence that no frame of its language's page can be read as is a slip, whether or not it is true."""
from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from model.train.claims import CHANNEL_CLAIMS, EVENT_CLAIMS, parse_claim
from model.train.phrasing import Choice, Node, Row, Word
from model.train.words import page

MOST_PARTS = 3  # sentences that one frame can be
SEEN_BEFORE = "<seen."  # fixed sentences of the gateway's own, at the end (gateway/core/explain.c)
END = re.compile(r"\.(?: |$)")


def skeleton(event: dict[str, Any]) -> str:
    """The text with what it cites replaced by the reference; claims keep their words."""
    raw, out, at = event["explanation"].encode("utf-8"), "", 0
    for citation in event["citations"]:
        name = citation["reference"].split(".")[-1]
        if name in CHANNEL_CLAIMS or name in EVENT_CLAIMS:
            continue
        out += raw[at : citation["from"]].decode("utf-8", "replace") + f"<{citation['reference']}>"
        at = citation["to"]
    return out + raw[at:].decode("utf-8", "replace")


def _of_word(text: str) -> str:
    """As it stands in a skeleton, a blank before it unless it joins."""
    claim = parse_claim(text)
    if claim:
        return ("" if claim.joins else " ") + re.escape(claim.reads)
    if text.startswith("{josa:"):
        return f"(?:{'|'.join(text[6:-1].split('/'))})"
    if text.startswith("{"):
        return re.escape(f" <{text[1:-1]}>")
    joins = text.startswith("+")
    return ("" if joins else " ") + re.escape(text.removeprefix("+").replace("_", " "))


def _of_node(node: Node) -> str:
    if isinstance(node, Word):
        return _of_word(node.text)
    if isinstance(node, Row):
        return "".join(map(_of_node, node.parts))
    assert isinstance(node, Choice)
    return f"(?:{'|'.join(map(_of_node, node.options))})" + ("?" if node.otherwise else "")


def _any_of(frames: Iterable[str]) -> str:
    return f"(?:{'|'.join(frames)})"


@lru_cache(maxsize=None)
def sentences(language: str) -> re.Pattern[str]:
    """What a sentence can be: a frame of any section, or a naming and a check with a semicolon."""
    of_section = {name: _any_of(map(_of_node, frames)) for name, frames in page(language).sections.items()}
    naming = _any_of(text for name, text in of_section.items() if name.startswith("naming"))
    check = _any_of(text for name, text in of_section.items() if name.startswith(("check", "look")))
    return re.compile(_any_of([*of_section.values(), f"{naming};{check}"]), re.IGNORECASE)


def slips(event: dict[str, Any]) -> list[str]:
    """Its sentences that no frame yields; a frame can hold full stops of its own."""
    text = skeleton(event)
    if SEEN_BEFORE in text:
        own = text[: text.index(SEEN_BEFORE)]
        text = own[: own.rfind(". ") + 1]
    parts, pattern, wrong, at = [part for part in END.split(text) if part], sentences(event["language"]), [], 0
    while at < len(parts):
        taken = [n for n in range(min(MOST_PARTS, len(parts) - at), 0, -1)
                 if pattern.fullmatch(" " + ". ".join(parts[at : at + n]))]  # fmt: skip
        if not taken:
            wrong.append(parts[at])
        at += taken[0] if taken else 1
    return wrong

