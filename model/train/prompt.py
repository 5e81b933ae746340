"""The native prompt of schemas/prompt.md once more, in plain Python: features -> codes, and what an
answer may say.

The C encoder (`gateway/core/prompt.c`) and grammar (`gateway/core/answer.c`) make prompts, shards and
answers; this page shares no line with them, and both must agree on the vectors of `prompt_vector.py`,
codes bit for bit.
"""
from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from model.train.claims import parse_claim
from model.train.layout import NONE_CODE, Layout

FEATURES, BINS, HISTORY, PATCHES = 7, 32, 3, 16
SLOT_MODE, SLOT_ROW, SLOT_EXTRA, SLOT_LAST = 0, 7, 8, 9
COUNT_LIMITS = (1, 2, 4, 8)
MAX_WORDS, MAX_NAMED = 64, 4

Features = Sequence[float]  # 7 numbers that a 32-bit float holds

# --- features -> codes --------------------------------------------------------------------------


# Bins of these grow with the value; the rest are of equal width.
def signed(value: float) -> float:
    return math.asinh(value / 0.5) * 2.83 + BINS / 2


def positive(value: float) -> float:
    return math.log2(1 + 4 * max(value, 0.0)) * 3


def _linear(low: float, width: float) -> Callable[[float], float]:
    return lambda value: (value - low) / width


CURVED = (signed, positive)
_LOG, _RATIO, _SHARE = _linear(-4, 0.3), _linear(-4, 0.4), _linear(-6, 0.25)
SCALES: dict[str, tuple[Callable[[float], float], ...]] = {
    # level, slope, log step rms, static, its log spread, dynamic, its log rms
    "channel": (signed, signed, _LOG, signed, _LOG, signed, _LOG),
    # log ratios of T2, Q, dynamic, MEWMA; largest z, static, dynamic
    "asset": (_RATIO, _RATIO, _RATIO, _RATIO, positive, positive, positive),
    # slow share, trend, step noise, unexplained twice, constant share, tail
    "header": (_linear(0, 0.04), signed, _SHARE, _SHARE, _SHARE, _linear(0, 0.033), positive),
    # impulse, power; band, coupling; drift, still: two on each history position
    "symptom": (positive, signed, signed, positive, signed, positive),
}


def bin_of(place: float) -> int:
    """The nearest of the 32 bins; halves go to the even one (IEEE rint)."""
    return round(min(max(place, 0.0), BINS - 1.0))


@dataclass
class Profile:
    """What a machine's profile says of a channel; NaN: that limit is not said."""

    low: float
    high: float
    alarm_low: float
    alarm_high: float
    n_in: int
    n_out: int
    weak: float

    def code(self, now: float) -> int:
        """Limits x topology x weak point, for the last reading (NaN: none)."""
        limits = (self.low, self.high, self.alarm_low, self.alarm_high)
        if all(math.isnan(limit) for limit in limits):
            state = 0
        elif now < self.alarm_low or now > self.alarm_high:
            state = 3
        else:
            state = 2 if now < self.low or now > self.high else 1
        topology = 1 if self.n_out else 2 if self.n_in else 0
        return (state * 3 + topology) * 2 + (self.weak > 0)


@dataclass
class Channel:
    weight: float
    role: int
    header: Features
    history: list[Features]
    patch: list[Features]
    gap: list[int]
    symptom: Features  # 6
    profile: Profile | None = None
    now: float = math.nan  # the last reading


@dataclass
class Window:
    machine: int
    mode: int
    language: int
    channels: list[Channel]
    history: list[Features]  # of the asset
    patch: list[Features]


@dataclass
class Prompt:
    channels: list[int]  # of the asset's channels, those that have a row
    code: list[list[list[int]]]  # [row][position][slot]
    question: list[int]


def chosen_channels(weights: Sequence[float], room: int) -> list[int]:
    """The channels that stand out most, in their own order; of equals the first."""
    order = sorted(range(len(weights)), key=lambda c: -weights[c])  # stable
    return sorted(order[:room])


class Encoder:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def _blank(self, row: int) -> list[list[int]]:
        layout = self.layout
        positions = [[NONE_CODE] * layout.slots for _ in range(layout.row_length)]
        for position in positions:
            position[SLOT_ROW] = layout.table("row") + row
        return positions

    def _put(self, position: list[int], table: str, scales: str, features: Features) -> None:
        first = self.layout.table(table)
        for f, (scale, value) in enumerate(zip(SCALES[scales], features, strict=True)):
            position[f] = first + f * BINS + bin_of(scale(value))

    def _past_and_present(self, row, past: str, now: str, scales: str, history, patch) -> None:
        for position, features in zip(row[1:], history):
            self._put(position, past, scales, features)
        for position, features in zip(row[self.layout.first_patch :], patch, strict=True):
            self._put(position, now, scales, features)

    def _asset(self, window: Window) -> list[list[int]]:
        row = self._blank(0)
        bucket = sum(len(window.channels) > most for most in COUNT_LIMITS)
        row[0][SLOT_EXTRA] = self.layout.table("machine") + window.machine
        row[0][SLOT_LAST] = self.layout.table("count") + bucket
        row[0][SLOT_MODE] = self.layout.table("mode") + window.mode
        self._past_and_present(
            row, "asset_history", "asset", "asset", window.history, window.patch
        )
        return row

    def _channel(self, channel: Channel, number: int) -> list[list[int]]:
        row = self._blank(number)
        self._put(row[0], "header", "header", channel.header)
        row[0][SLOT_EXTRA] = self.layout.table("role") + channel.role
        if channel.profile is not None:
            code = channel.profile.code(channel.now)
            row[0][SLOT_LAST] = self.layout.table("profile") + code
        self._past_and_present(row, "history", "patch", "channel", channel.history, channel.patch)
        for s, (scale, value) in enumerate(zip(SCALES["symptom"], channel.symptom, strict=True)):
            code = self.layout.table("symptom") + s * BINS + bin_of(scale(value))
            row[1 + s // 2][(SLOT_EXTRA, SLOT_LAST)[s % 2]] = code
        for position, gap in zip(row[self.layout.first_patch :], channel.gap, strict=True):
            position[SLOT_EXTRA] = self.layout.table("gap") + gap
        return row

    def encode(self, window: Window) -> Prompt:
        layout = self.layout
        shown = chosen_channels([c.weight for c in window.channels], layout.max_channels)
        rows = [self._asset(window)]
        rows += [self._channel(window.channels[c], 1 + i) for i, c in enumerate(shown)]
        question = [layout.table("ask"), layout.table(("en", "ko")[window.language])]
        return Prompt(shown, rows, question + [NONE_CODE] * (layout.slots - len(question)))


# --- the answer's grammar -----------------------------------------------------------------------

KIND_OF_VERDICT = {0: ("none",), 1: ("operation",), 2: ("sensor", "process"), 3: ("unknown",)}
REFERENCE = re.compile(
    r"\{(?:c(?P<channel>[1-3])\.(?:name|value|normal|dev|dir|from|now|limit)"
    r"|onset|duration|fault|cause|check|josa:(?P<josa>이/가|은/는|을/를|으로/로))\}"
)
REFUSED_IN_WORD = re.compile(r"[\x00-\x20{}0-9]")
# What a text may go on with after each kind of word.
FOLLOWS = {
    "start": {"plain", "reference"},
    "plain": {"plain", "joined", "ender", "reference"},
    "joined": {"plain", "joined", "ender", "reference"},
    "josa": {"plain", "joined", "ender", "reference"},
    "reference": {"plain", "joined", "ender", "josa", "reference"},
    "ender": {"plain", "reference", "eos"},
}


def word_class(word: str) -> tuple[str, int]:
    """What a word is, and the channel that it cites or speaks of (0: none)."""
    claim = parse_claim(word)
    if claim:
        return "joined" if claim.joins else "plain", claim.channel
    reference = REFERENCE.fullmatch(word)
    if reference:
        kind = "josa" if reference["josa"] else "reference"
        return kind, int(reference["channel"] or 0)
    joined = len(word) > 1 and word[0] == "+"
    if not word or REFUSED_IN_WORD.search(word[1:] if joined else word):
        return "refused", 0
    if not joined:
        return "plain", 0
    return "ender" if word[-1] in ".!?" else "joined", 0


@dataclass
class Grammar:
    """Answers of a model with these words, of any window and language."""

    layout: Layout
    words: Sequence[str]
    _sizes: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._sizes = {"verdict": 4, "fault": len(self.layout.faults), "severity": 3}
        self._sizes |= {"channel": self.layout.max_channels, "end_channels": 1}
        self._sizes |= {"onset": PATCHES + 2}

    def _index(self, tokens: Sequence[int], at: int, table: str) -> int | None:
        """Place of a token in a table, or None when it is not of the table."""
        i = tokens[at] - self.layout.table(table) if at < len(tokens) else -1
        return i if 0 <= i < self._sizes[table] else None

    def _fits(self, verdict: int, fault: int) -> bool:
        code, kind = self.layout.faults[fault], self.layout.fault_kinds[fault]
        return (code if code in ("none", "unknown") else kind) in KIND_OF_VERDICT[verdict]

    def _is_text(self, tokens: Sequence[int], named: int) -> bool:
        before = "start"
        for at, token in enumerate(tokens):
            if token == self.layout.table("eos"):
                return "eos" in FOLLOWS[before] and at == len(tokens) - 1
            word = token - self.layout.n_codes
            if not 0 <= word < len(self.words) or at == MAX_WORDS:
                return False
            kind, channel = word_class(self.words[word])
            if kind not in FOLLOWS[before] or channel > named:
                return False
            before = kind
        return not tokens

    def is_answer(self, tokens: Sequence[int]) -> bool:
        verdict, fault, severity = (
            self._index(tokens, at, table)
            for at, table in enumerate(("verdict", "fault", "severity"))
        )
        if verdict is None or fault is None or severity is None or not self._fits(verdict, fault):
            return False
        at, named = 3, []
        while (row := self._index(tokens, at, "channel")) is not None:
            named.append(row)
            at += 1
        if len(named) > MAX_NAMED or len(set(named)) < len(named):
            return False
        if self._index(tokens, at, "end_channels") is None:
            return False
        if self._index(tokens, at + 1, "onset") is None:
            return False
        return self._is_text(tokens[at + 2 :], len(named))
