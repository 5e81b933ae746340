"""Is what an event says true?  Every number and every claim of an explanation, decided again from the
rows that the event carries (`millwright replay --events FILE --windows`).

The checker shares no code with the gateway: definitions are read off gateway/core/claim.h and
schemas/prompt.md, and anything that is cited has to follow from the rows.
"""
from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from model.eval.words_page import skeleton
from model.eval.words_rows import DEVIATES, ROUNDING, Found, Rows, event_claims, order_of, rows_of, seconds
from model.eval.words_text import deviation, direction, duration, measure, moment
from model.train.claims import CHANNEL_CLAIMS, EVENT_CLAIMS, OF_COMPANY, parse_claim
from model.train.words import LANGUAGES, page

CHANNEL = re.compile(r"c([1-4])\.(\w+)")
PATCH_ROWS = 4
QUALITIES = {"still", "lost", "gone", "noisy", "calm", "spikes", "swings"}
NAMES = ("fault", "cause", "check", "seen.fault")
NUMBERS = ("value", "normal", "dev", "dir", "from", "now", "limit")


@dataclass
class Problem:
    kind: str  # "number", "claim", "channel", "onset", "text", "window"
    reference: str
    what: str


@dataclass
class Checked:
    """What was looked at in one explanation, and what was wrong."""

    event: dict[str, Any]
    numbers: int = 0
    claims: int = 0
    channels: int = 0  # references to channels
    problems: list[Problem] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Problem]:
        return [one for one in self.problems if one.kind in kinds]


@lru_cache(maxsize=None)
def wordings(language: str) -> dict[tuple[int, str], set[str]]:
    """(channel, claim) -> how the phrasings word it; channel 0: of the event."""
    known: dict[tuple[int, str], set[str]] = {}
    for word in page(language).words():
        claim = parse_claim(word)
        if claim:
            known.setdefault((claim.channel, claim.name), set()).add(claim.reads)
    return known


def same(said: float | None, found: float) -> bool:
    """As numbers; what is unknown equals only what is unknown."""
    if said is None or math.isnan(found):
        return said is None and math.isnan(found)
    return abs(said - found) <= ROUNDING * max(1e-9, abs(said), abs(found))


def close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-6 * max(1.0, abs(a), abs(b))


class Checker:
    def __init__(self, event: dict[str, Any], utc_offset_s: int = 0) -> None:
        self.event, self.offset, self.language = event, utc_offset_s, event["language"]
        self.raw = event["explanation"].encode("utf-8")
        self.out = Checked(event)
        self.rows: list[Rows] = []

    def wrong(self, kind: str, reference: str, what: str) -> None:
        self.out.problems.append(Problem(kind, reference, what))

    def spans(self) -> Iterator[tuple[dict[str, Any], str]]:
        for citation in self.event["citations"]:
            yield citation, self.raw[citation["from"] : citation["to"]].decode("utf-8", "replace")

    def check(self) -> Checked:
        try:
            self.rows = rows_of(self.event)
        except ValueError as error:
            self.wrong("window", "", str(error))
        self._text()
        for citation, text in self.spans():
            self._citation(citation["reference"], citation["value"], text)
        for number, row in enumerate(self.rows, 1):
            self._listed(number, row)
        return self.out

    # --- the text --------------------------------------------------------------------------------

    def _text(self) -> None:
        """Spans in order, within the text, and no digit outside of them."""
        at, outside = 0, b""
        for citation in self.event["citations"]:
            first, end = citation["from"], citation["to"]
            if not at <= first < end <= len(self.raw):
                self.wrong("text", citation["reference"], f"span {first} to {end}")
                return
            outside, at = outside + self.raw[at:first], end
        outside += self.raw[at:]
        left = outside.decode("utf-8", "replace")
        if any(letter.isdigit() for letter in left):
            self.wrong("number", "", f"a digit that is not cited: {left.strip()}")
        if any(sign in left for sign in "{}|"):
            self.wrong("text", "", f"not rendered: {left.strip()}")

    # --- citations -------------------------------------------------------------------------------

    def _citation(self, reference: str, value: float | None, text: str) -> None:
        cited = CHANNEL.fullmatch(reference)
        if cited:
            self._of_channel(int(cited[1]), cited[2], reference, value, text)
        elif reference.startswith("others."):
            self.out.claims += 1
            name = reference.removeprefix("others.")
            if name not in event_claims(self.event["others"]):
                self.wrong("claim", reference, f"others: {self.event['others']}")
            self._worded(0, name, reference, text)
        elif reference in ("onset", "duration", "seen.time"):
            self._time(reference, value, text)
        elif reference not in NAMES:
            self.wrong("text", reference, "an unknown reference")

    def _of_channel(self, number: int, what: str, reference: str, value, text: str) -> None:
        self.out.channels += 1
        if number > len(self.event["channels"]):
            self.wrong("channel", reference, "no such channel")
            return
        said = self.event["channels"][number - 1]
        if what == "name":
            if text != said["channel"]:
                self.wrong("channel", reference, f"{text} is {said['channel']}")
            self._deviates(number, reference)
            return
        if number > len(self.rows):
            return
        if what in NUMBERS:
            self.out.numbers += 1
            self._number(self.rows[number - 1], what, reference, value, text)
        elif what in CHANNEL_CLAIMS:
            self.out.claims += 1
            self._claim(number, what, reference, text)
        else:
            self.wrong("text", reference, "an unknown reference")

    def _deviates(self, number: int, reference: str) -> None:
        """By the strength that the event gives it and to be seen in its rows, or by what it does there."""
        said, seen = self.event["channels"][number - 1], set()
        if number <= len(self.rows):
            rows = self.rows[number - 1]
            seen = QUALITIES & (rows.claims.sure | rows.claims.border)
            if rows.spread > 0 and not seen and abs(rows.deviation) < 2.0:
                self.wrong("channel", reference, f"{said['channel']}: {rows.deviation:.2g} spreads at most")
        if not seen and (said["strength"] is None or said["strength"] < DEVIATES):
            self.wrong("channel", reference, f"{said['channel']} has strength {said['strength']}")

    # --- numbers ---------------------------------------------------------------------------------

    def _peak(self, rows: Rows) -> tuple[float, float, float]:
        """Value, expected and deviation where it deviates most."""
        row, said = rows.peak_row(), rows.said
        if row is None:
            return tuple(math.nan if said[k] is None else said[k] for k in ("value", "expected", "deviation"))
        return float(rows.value[row]), float(rows.expected[row]), float(rows.own_z[row])

    def _number(self, rows: Rows, what: str, reference: str, value, text: str) -> None:
        found, shown = self._derived(rows, what)
        if what != "dir" and (value is None or not same(value, found)):
            self.wrong("number", reference, f"cites {value}, the rows say {found:.6g}")
        elif text != shown:
            self.wrong("number", reference, f'reads "{text}", should read "{shown}"')

    def _derived(self, rows: Rows, what: str) -> tuple[float, str]:
        """The number by the rows, and how it reads."""
        value, normal, z = self._peak(rows)
        now, before, unit = rows.mean_now(), rows.mean_before(), rows.said["unit"]
        limit = math.nan if rows.said["limit"] is None else rows.said["limit"]
        if what == "dir":
            found = rows.direction()
            sign = 1 if found.supports("above") else -1 if found.supports("below") else 0
            said = {"above": 1, "below": -1, "neither": 0}[rows.said["direction"]]
            agreed = said if found.border or said == sign else sign
            return math.nan, direction(agreed, self.language)
        if what == "dev":
            return z, "" if math.isnan(z) else deviation(z, self.language)
        if what == "from" and not (rows.claims.supports("rose") or rows.claims.supports("fell")):
            before = math.nan
        found, other = {"value": (value, normal), "normal": (normal, value), "from": (before, now),
                        "now": (now, normal), "limit": (limit, value)}[what]  # fmt: skip
        return found, "" if math.isnan(found) else measure(found, other, unit)

    def _time(self, reference: str, value: float | None, text: str) -> None:
        self.out.numbers += 1
        event, before = self.event, self.event["onset_before_window"]
        onset = seconds(event["onset"])
        if reference == "seen.time":
            found = seconds(event["similar"][0]["raised"]) if event["similar"] else math.nan
            shown = "" if math.isnan(found) else moment(found, self.language, False, self.offset)
        elif reference == "onset":
            found, shown = onset, moment(onset, self.language, before, self.offset)
        else:
            found = max(seconds(event["updated"]), seconds(event["window_to"])) - onset
            shown = duration(found, self.language, before)
        if value is None or abs(value - found) > 1e-3:
            self.wrong("number", reference, f"cites {value}, the event says {found}")
        elif text != shown:
            self.wrong("number", reference, f'reads "{text}", should read "{shown}"')

    # --- claims ----------------------------------------------------------------------------------

    def _claim(self, number: int, name: str, reference: str, text: str) -> None:
        self._worded(number, name, reference, text)
        if name in OF_COMPANY:
            order = order_of(self.rows[0], self.rows[number - 1]) if number > 1 else None
            if order != name:
                self.wrong("claim", reference, f"the rows say {order}")
        elif not self.rows[number - 1].claims.supports(name):
            self.wrong("claim", reference, f"the rows say {sorted(self.rows[number - 1].claims.sure)}")

    def _worded(self, number: int, name: str, reference: str, text: str) -> None:
        """The words are words of this claim."""
        known = wordings(self.language).get((number, name), set())
        if text not in known and text[:1].lower() + text[1:] not in known:
            self.wrong("claim", reference, f'"{text}" is no wording of it')

    def _listed(self, number: int, rows: Rows) -> None:
        """The claims that the event lists for a channel are those that its rows support."""
        listed, found = set(rows.said["claims"]), Found(set(rows.claims.sure), set(rows.claims.border))
        order = order_of(self.rows[0], rows) if number > 1 else None
        found.sure |= {order} if order else set()
        for name in sorted(listed - found.sure - found.border):
            self.wrong("listed", f"c{number}.{name}", f"listed, the rows say {sorted(found.sure)}")
        for name in sorted(found.sure - listed):
            self.wrong("listed", f"c{number}.{name}", "not listed")


def check(event: dict[str, Any], utc_offset_s: int = 0) -> Checked:
    return Checker(event, utc_offset_s).check()


def onset_apart(event: dict[str, Any]) -> float | None:
    """Patches between the onset that is told and the row at which the first channel left its normal
    range; None where that is not to be seen, or it got there little by little."""
    try:
        rows = rows_of(event)
    except ValueError:
        return None
    if not rows or event["onset_before_window"] or "sudden" not in rows[0].claims.sure:
        return None
    left = rows[0].left()
    return None if left is None else abs(left // PATCH_ROWS - rows[0].onset // PATCH_ROWS)


# --- variety ------------------------------------------------------------------------------------


def words_of(event: dict[str, Any]) -> list[str]:
    return re.findall(r"<[^>]+>|[^\s.,;:]+|[.,;:]", skeleton(event))


def distinct_2(events: list[dict[str, Any]]) -> float:
    """Different pairs of neighbouring words among all, citations as their references."""
    texts = [words_of(event) for event in events]
    pairs = [pair for words in texts for pair in zip(words, words[1:])]
    return len(set(pairs)) / len(pairs) if pairs else math.nan


def commonest(events: list[dict[str, Any]]) -> float:
    """Share of the commonest skeleton."""
    if not events:
        return math.nan
    texts = [skeleton(event) for event in events]
    return max(texts.count(text) for text in set(texts)) / len(texts)


def mean_length(events: list[dict[str, Any]]) -> float:
    """In words as they are written."""
    return float(np.mean([len(event["explanation"].split()) for event in events])) if events else math.nan


__all__ = ["LANGUAGES", "Checked", "Problem", "check", "commonest", "distinct_2", "mean_length", "onset_apart"]
