"""Words of the answers: labels -> text with references and claims, as tokens of the model's vocabulary.

A text is drawn from the phrasings of model/train/phrases/: how the first channel deviates, what the
others say, what it is called and what to check, in one to three sentences.  Whatever is said holds:
a frame is used only where the finding supports all that it cites and claims.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from model.train.claims import CHANNEL_CLAIMS, CITED, EVENT_CLAIMS, OUTDONE, is_told, parse_claim
from model.train.layout import FAULT, NORMAL, ONSET_BEFORE, ONSET_NONE, OPERATION, UNKNOWN, Layout
from model.train.phrasing import Node, Page, draw, pick, read_page, words_in, worth_of

LANGUAGES = ("en", "ko")
FOLDER = Path(__file__).with_name("phrases")
MAX_WORDS = 56
MAX_TOLD = 20  # claims that the model is told of
MAX_SENTENCES, MAX_PARTS = 3, 4  # "likely cause: ..." by itself is a part, but no sentence
SEVERE = 3
TRIES = 12  # draws until a text is short enough

# How often a text has a part where it could have it.
SHORT, COMPANY, THIRD, OTHERS, OTHERS_OFF, CHECK, OPERATION_CHECK, URGENT, JOINED = (
    0.05, 0.85, 0.55, 0.3, 0.9, 0.9, 0.15, 0.5, 0.5,
)  # fmt: skip

# What a claim adds to the worth of the words that make it: the way a channel behaves says more than
# that it is off.
TELLING = dict.fromkeys(("still", "lost", "gone", "spikes", "noisy", "calm", "swings"), 10.0)
WORTH = TELLING | {"back": 10.0} | dict.fromkeys(("over_limit", "under_limit", "growing"), 3.0)
WORTH |= dict.fromkeys(("sudden", "gradual", "after", "before"), 2.0) | {"steady": 4.0, "off": 2.0}
PLAIN_BESIDE_TELLING = 0.1  # worth of an opening that leaves out how the channel behaves
OWN_OPENING = 4.0  # worth of the openings made for a fault
UNREAD = frozenset(("still", "lost", "gone", "calm"))  # beside a slight deviation its size says nothing


@lru_cache(maxsize=None)
def page(language: str) -> Page:
    return read_page(FOLDER / f"{language}.txt")


@lru_cache(maxsize=None)
def vocabulary() -> list[str]:
    """Every word of every frame: references first, then what tells of claims, then these, then in
    order of first use."""
    seen = dict.fromkeys(("+.", "+;"))
    for language in LANGUAGES:
        seen |= dict.fromkeys(page(language).words())
    claims = [claim for claim in map(parse_claim, seen) if claim]
    order = lambda claim: (claim.channel or CITED + 1, (CHANNEL_CLAIMS + EVENT_CLAIMS).index(claim.name))  # noqa: E731
    seen |= dict.fromkeys(claim.told for claim in sorted(claims, key=order))
    kind = lambda word: 3 if word[0] != "{" else 2 if "|" in word else int(is_told(word))  # noqa: E731
    return sorted(seen, key=kind)


@dataclass(frozen=True)
class Finding:
    """What an answer says, as labels, and what may be claimed of the channels that it names."""

    verdict: int
    fault: int
    severity: int
    n_channels: int
    onset: int
    claims: tuple[frozenset[str], ...] = ()  # of each named channel
    event_claims: frozenset[str] = field(default_factory=frozenset)

    def claims_of(self, channel: int) -> frozenset[str]:
        """channel 1..; empty beyond those whose claims are known."""
        return self.claims[channel - 1] if channel <= len(self.claims) else frozenset()


def _cites(finding: Finding, channel: int, what: str) -> bool:
    claims = finding.claims_of(channel)
    directed = bool(claims & {"above", "below"})
    unread = "slight" in claims and bool(claims & UNREAD)
    received = (directed or "lost" not in claims) and not unread
    return channel <= min(finding.n_channels, CITED) and {
        "name": True,
        "value": received,
        "normal": received,
        "dev": received,
        "dir": directed,
        "from": bool(claims & {"rose", "fell"}) and 0 < finding.onset < ONSET_BEFORE,
        "now": "lost" not in claims,
        "limit": bool(claims & {"over_limit", "under_limit"}),
    }[what]


def holds(finding: Finding, word: str) -> bool:
    """Whether the finding supports the word."""
    if word[0] != "{" or word.startswith("{josa:"):
        return True
    claim = parse_claim(word)
    if claim is not None:
        known = finding.claims_of(claim.channel) if claim.channel else finding.event_claims
        said = claim.name in known and OUTDONE.get(claim.name) not in known
        return claim.channel <= finding.n_channels and said
    what = word[1:-1]
    if what == "duration" and "back" in finding.claims_of(1):
        return False  # it is over
    if what in ("onset", "duration"):
        return finding.onset != ONSET_NONE
    if what == "fault":
        return finding.verdict in (FAULT, OPERATION)
    if what in ("cause", "check"):
        return finding.verdict != NORMAL
    return _cites(finding, int(what[1]), what[3:])


def worth(word: str) -> float:
    claim = parse_claim(word)
    return WORTH.get(claim.name, 1.0) if claim else 1.0


def _fit(frame: Node, finding: Finding) -> float:
    """Worth of an opening beside what it leaves out: how the first channel behaves, and that it is over
    (a frame without that reads as if it lasted)."""
    claims = filter(None, map(parse_claim, words_in(frame)))
    can_say = {claim.name for claim in claims if claim.channel == 1}
    known = finding.claims_of(1)
    if "back" in known - can_say:
        return 0.0
    telling = known & TELLING.keys()
    return PLAIN_BESIDE_TELLING if telling and not telling & can_say else 1.0


def _speaks_of_others(frame: Node) -> bool:
    return any(claim.channel == 0 for claim in filter(None, map(parse_claim, words_in(frame))))


class _Text:
    """Draws the parts of one text."""

    def __init__(self, finding: Finding, language: str, code: str, kind: str, rng) -> None:
        self.finding, self.language, self.code, self.rng = finding, language, code, rng
        self.kind = kind if finding.verdict != UNKNOWN else "unknown"
        self.sections = page(language).sections
        self.holds = partial(holds, finding)

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def draw(self, section: str, factor: Callable[[Node], float] = lambda frame: 1.0) -> list[str]:
        """A frame of the section; nothing where none can be used."""
        frames = self.sections[section]
        weights = [worth_of(f, self.holds, worth) * factor(f) for f in frames]
        if not any(weights):
            return []
        return draw(frames[pick(weights, self.rng)], self.holds, worth, self.rng)

    def opening(self) -> list[str]:
        finding, own = self.finding, f"opening {self.code}"
        if finding.n_channels == 0:
            return self.draw("opening none")
        fits = partial(_fit, finding=finding)
        if finding.verdict == FAULT and own in self.sections:
            share = OWN_OPENING * len(self.sections[own])
            if self.chance(share / (share + 16)):
                tells = lambda frame: float(fits(frame) == 1.0)  # noqa: E731
                return self.draw(own, tells) or self.draw("opening", fits)
        return self.draw("opening", fits) or self.draw("opening")

    def company(self) -> list[str]:
        """What the other channels say.  One that is off and has no name is told of before a named one is
        told of again."""
        off, alone = "off" in self.finding.event_claims, self.finding.n_channels == 1
        if off and self.chance(OTHERS_OFF if alone else OTHERS):
            return self.draw("others")
        if self.finding.n_channels >= 2 and self.chance(COMPANY):
            third = self.finding.n_channels >= 3 and self.chance(THIRD)
            return self.draw("company 3" if third else "company 2")
        if self.kind != "sensor" and alone and self.chance(OTHERS):
            return self.draw("others")
        return []

    def check(self) -> list[str]:
        if self.kind == "operation":
            return self.draw("check operation") if self.chance(OPERATION_CHECK) else []
        if not self.chance(CHECK):
            return []
        look = self.kind == "unknown" and self.finding.n_channels > 0 and self.chance(0.4)
        return self.draw("look" if look else "check")

    def naming(self) -> list[str]:
        alone = self.kind != "sensor" or self.finding.n_channels < 2
        return self.draw(f"naming {self.kind}", lambda frame: float(alone or not _speaks_of_others(frame)))

    def conclusion(self) -> list[list[str]]:
        naming, check = self.naming(), self.check()
        if check and self.language == "en" and "+;" not in naming and self.chance(JOINED):
            return [[*naming, "+;", *check]]
        return [naming, check]

    def short(self) -> list[list[str]]:
        kind = {"sensor": "fault", "process": "fault"}.get(self.kind, self.kind)
        return [part for part in [self.draw(f"short {kind}")] if part]

    def whole(self) -> list[list[str]]:
        parts = [self.opening(), self.company(), *self.conclusion()]
        if self.finding.severity >= SEVERE and self.kind != "operation" and self.chance(URGENT):
            parts.append(self.draw("urgent"))
        return [part for part in parts if part]


def split(words: Sequence[str]) -> list[list[str]]:
    """What ends with a full stop, one after the other."""
    parts: list[list[str]] = [[]]
    for word in words:
        parts[-1].append(word)
        if word == "+.":
            parts.append([])
    return parts[:-1]


def is_short_enough(words: Sequence[str]) -> bool:
    parts = split(words)
    sentences = sum("+:" not in part for part in parts)
    return len(words) <= MAX_WORDS and len(parts) <= MAX_PARTS and sentences <= MAX_SENTENCES


def _joined(parts: Sequence[Sequence[str]]) -> list[str]:
    return [word for part in parts for word in (*part, "+.")]


class Wording:
    """Draws a text for a finding; the same generator state gives the same text."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.words = vocabulary()
        self.token = {word: layout.n_codes + i for i, word in enumerate(self.words)}
        self.claims = [word for word in self.words if is_told(word)]

    def tokens(self, text: str) -> list[int]:
        return [self.token[word] for word in text.split()]

    def told(self, finding: Finding) -> list[int]:
        """What the model is told before it words the finding: the claims that hold."""
        known = [word for word in self.claims if holds(finding, word.removesuffix("}") + "|x}")]
        return [self.token[word] for word in known[:MAX_TOLD]]

    def text(self, finding: Finding, language: str, rng: np.random.Generator) -> str:
        """A text in tokens apart by spaces, at most MAX_WORDS of them."""
        code, kind = self.layout.faults[finding.fault], self.layout.fault_kinds[finding.fault]
        text = _Text(finding, language, code, kind, rng)
        if finding.verdict == NORMAL:
            return " ".join((*text.draw("normal"), "+."))
        draws = [text.short] if text.chance(SHORT) and finding.n_channels else [text.whole] * TRIES
        for whole in draws:
            words = _joined(whole())
            if words and is_short_enough(words):
                return " ".join(words)
        return " ".join(_joined([text.opening(), text.naming()]))


def as_unknown(finding: Finding, layout: Layout) -> Finding:
    """The same finding without a name for it."""
    return replace(finding, verdict=UNKNOWN, fault=layout.faults.index("unknown"))
