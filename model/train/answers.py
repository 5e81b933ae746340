"""Labels of a batch -> the tail that the model is taught: question, answer tokens, words."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.train.claims import CHANNEL_CLAIMS, EVENT_CLAIMS, names_of
from model.train.layout import FAULT, NONE_CODE, ONSET_NONE, UNKNOWN, Layout
from model.train.shards import NO_CHANNEL, Group
from model.train.words import LANGUAGES, Finding, Wording, as_unknown

IGNORE = -1


@dataclass(frozen=True)
class Weights:
    """How much each kind of answer token counts in the loss."""

    verdict: float
    fault: float
    severity: float
    channel: float
    onset: float
    word: float


def finding_of(data: dict[str, np.ndarray], i: int) -> Finding:
    """What is true of window i, for words."""
    n_channels = int((data["channels"][i] != NO_CHANNEL).sum())
    return Finding(
        verdict=int(data["verdict"][i]),
        fault=int(data["fault"][i]),
        severity=max(1, int(data["severity"][i])),
        n_channels=n_channels,
        onset=int(data["onset"][i]),
        claims=tuple(names_of(int(bits), CHANNEL_CLAIMS) for bits in data["claims"][i][:n_channels]),
        event_claims=names_of(int(data["event_claims"][i]), EVENT_CLAIMS),
    )


@dataclass
class Tail:
    codes: np.ndarray  # [B, T, slots] uint16
    target: np.ndarray  # [B, T] int64, token to come after each position; IGNORE where none
    weight: np.ndarray  # [B, T] float32


class TailWriter:
    """Writes tails.  The language is drawn per window, and so are the faults that are worded as
    unknown: a share of `unknown_words`, whose verdict and name then count nothing."""

    def __init__(
        self, layout: Layout, wording: Wording, weights: Weights, unknown_words: float = 0.0
    ) -> None:
        self.layout, self.wording, self.weights = layout, wording, weights
        self.unknown_words = unknown_words
        self.balance = np.ones(len(layout.faults), np.float32)  # a factor on each fault's weight

    def answer(self, data: dict[str, np.ndarray], i: int) -> tuple[list[int], list[float]]:
        """The answer tokens of window i up to the onset, with their weights."""
        table, weights = self.layout.table, self.weights
        named = [int(row) for row in data["channels"][i] if row != NO_CHANNEL]
        fault = int(data["fault"][i])
        head = [
            (table("verdict") + int(data["verdict"][i]), weights.verdict),
            (table("fault") + fault, weights.fault * float(self.balance[fault])),
            (table("severity") + max(1, int(data["severity"][i])) - 1, weights.severity),
        ]
        head += [(table("channel") + row - 1, weights.channel) for row in named]
        head.append((table("end_channels"), weights.channel))
        head.append((table("onset") + int(data["onset"][i]), weights.onset))
        tokens, counts = zip(*head)
        return list(tokens), list(counts)

    def unnamed(self, tokens: list[int], counts: list[float]) -> tuple[list[int], list[float]]:
        """The answer of a fault as that of something unknown, from which only the rest is learnt."""
        table, unknown = self.layout.table, self.layout.faults.index("unknown")
        head = [table("verdict") + UNKNOWN, table("fault") + unknown]
        return head + tokens[2:], [0.0, 0.0] + counts[2:]

    def words(self, finding: Finding, language: str, rng: np.random.Generator) -> list[int]:
        text = self.wording.tokens(self.wording.text(finding, language, rng))
        return text + [self.layout.table("eos")]

    def worded(
        self, data: dict[str, np.ndarray], i: int, language: str, rng: np.random.Generator, alone: bool = False
    ) -> tuple[list[int], list[float]]:
        """Answer and words of window i, as of `answer`; alone: only the words count."""
        tokens, counts = self.answer(data, i)
        counts = [0.0] * len(counts) if alone else counts
        finding = finding_of(data, i)
        if finding.verdict == FAULT and rng.random() < self.unknown_words:
            tokens, counts = self.unnamed(tokens, counts)
            finding = as_unknown(finding, self.layout)
        told, text = self.wording.told(finding), self.words(finding, language, rng)
        tokens += told + text
        return tokens, counts + [0.0] * len(told) + [self.weights.word] * len(text)

    def tail(
        self, group: Group, with_words: bool, rng: np.random.Generator, alone: bool = False
    ) -> Tail:
        layout, count = self.layout, len(group)
        language = rng.integers(len(LANGUAGES), size=count)
        rows = []
        for i in range(count):
            if with_words and group.data["claims_known"][i]:
                rows.append(self.worded(group.data, i, LANGUAGES[language[i]], rng, alone))
            else:
                rows.append(self.answer(group.data, i))
        length = max(len(tokens) for tokens, _ in rows)
        codes = np.full((count, length, layout.slots), NONE_CODE, np.uint16)
        target = np.full((count, length), IGNORE, np.int64)
        weight = np.zeros((count, length), np.float32)
        codes[:, 0, 0] = layout.table("ask")
        codes[:, 0, 1] = np.where(language == 0, layout.table("en"), layout.table("ko"))
        for i, (tokens, counts) in enumerate(rows):
            codes[i, 1 : len(tokens), 0] = tokens[:-1]
            target[i, : len(tokens)] = tokens
            weight[i, : len(tokens)] = counts
        return Tail(codes, target, weight)


def check_labels(group: Group, layout: Layout) -> None:
    """Raises ValueError where a shard breaks its contract."""
    data = group.data
    named = data["channels"][data["channels"] != NO_CHANNEL]
    code = data["code"][data["code"] != NONE_CODE]
    for wrong, what in (
        (data["verdict"].max(initial=0) > 3, "verdict"),
        (data["fault"].max(initial=0) >= len(layout.faults), "fault"),
        (data["onset"].max(initial=0) > ONSET_NONE, "onset"),
        (named.size and (named.min() < 1 or named.max() >= group.rows), "channels"),
        (code.max(initial=0) >= layout.table("ask"), "code"),
        (data["claims"].max(initial=0) >> len(CHANNEL_CLAIMS), "claims"),
        (data["event_claims"].max(initial=0) >> len(EVENT_CLAIMS), "event_claims"),
    ):
        if wrong:
            raise ValueError(f"shard: {what} out of range")
