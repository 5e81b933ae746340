"""What a word may claim of a window, and how such a word is written: `{c1.rose|climbed}` says of the first
channel that the answer names that it rose, and reads "climbed" (schemas/prompt.md).  The same without
words, `{c1.rose}`, tells the model that the claim holds; it is never part of a text."""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# In the order of their bits in a shard's arrays `claims` and `event_claims`.
CHANNEL_CLAIMS = (
    "above", "below", "rose", "fell", "sudden", "gradual", "growing", "back", "still", "lost", "spikes",
    "noisy", "calm", "swings", "over_limit", "under_limit", "slight", "strong", "after", "before", "with",
    "gone",
)  # fmt: skip
EVENT_CLAIMS = ("steady", "off")  # others.steady, others.off
OUTDONE = {"lost": "gone"}  # a claim -> one that says more: where both hold, the second is made
OF_COMPANY = ("after", "before", "with")  # these compare a channel with the first one
CITED = 3  # channels that words can speak of

_TOKEN = re.compile(
    rf"\{{(?:c(?P<channel>[1-{CITED}])\.(?P<claim>{'|'.join(CHANNEL_CLAIMS)})"
    rf"|others\.(?P<others>{'|'.join(EVENT_CLAIMS)}))\|(?P<phrase>\+?[^\s{{}}|+0-9][^\s{{}}|0-9]*)\}}"
)


@dataclass(frozen=True)
class Claim:
    channel: int  # 1..CITED; 0: of the event
    name: str
    phrase: str  # as it is written in the token: "_" for a space, "+" before what joins

    @property
    def told(self) -> str:
        """The token that tells the model of the claim."""
        return f"{{c{self.channel}.{self.name}}}" if self.channel else f"{{others.{self.name}}}"

    @property
    def reads(self) -> str:
        return self.phrase.removeprefix("+").replace("_", " ")

    @property
    def joins(self) -> bool:
        return self.phrase.startswith("+")


def parse_claim(word: str) -> Claim | None:
    """None: the word is no claim."""
    match = _TOKEN.fullmatch(word)
    if not match:
        return None
    channel = int(match["channel"] or 0)
    if channel == 1 and match["claim"] in OF_COMPANY:
        return None
    return Claim(channel, match["claim"] or match["others"], match["phrase"])


def is_told(word: str) -> bool:
    """Whether the word tells of a claim instead of making it."""
    return parse_claim(word.removesuffix("}") + "|x}") is not None


def names_of(bits: int, names: tuple[str, ...]) -> frozenset[str]:
    """The claims of a bit set."""
    return frozenset(name for i, name in enumerate(names) if bits >> i & 1)


def bits_of(claims: Iterable[str], names: tuple[str, ...]) -> int:
    return sum(1 << names.index(claim) for claim in claims)
