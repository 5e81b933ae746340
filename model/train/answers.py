"""Labels of a batch -> the tail that the model is taught: question, answer tokens, words."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.train.layout import NONE_CODE, ONSET_NONE, Layout
from model.train.shards import NO_CHANNEL, Group
from model.train.words import LANGUAGES, Finding, Wording

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


@dataclass
class Tail:
    codes: np.ndarray  # [B, T, slots] uint16
    target: np.ndarray  # [B, T] int64, token to come after each position; IGNORE where none
    weight: np.ndarray  # [B, T] float32


class TailWriter:
    """Writes tails.  The language is drawn per window."""

    def __init__(self, layout: Layout, wording: Wording, weights: Weights) -> None:
        self.layout, self.wording, self.weights = layout, wording, weights
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

    def words(self, data: dict[str, np.ndarray], i: int, language: str, rng) -> list[int]:
        finding = Finding(
            verdict=int(data["verdict"][i]),
            fault=int(data["fault"][i]),
            severity=max(1, int(data["severity"][i])),
            n_channels=int((data["channels"][i] != NO_CHANNEL).sum()),
            onset=int(data["onset"][i]),
        )
        text = self.wording.tokens(self.wording.text(finding, language, rng))
        return text + [self.layout.table("eos")]

    def tail(self, group: Group, with_words: bool, rng: np.random.Generator) -> Tail:
        layout, count = self.layout, len(group)
        language = rng.integers(len(LANGUAGES), size=count)
        rows = []
        for i in range(count):
            tokens, counts = self.answer(group.data, i)
            if with_words:
                text = self.words(group.data, i, LANGUAGES[language[i]], rng)
                tokens, counts = tokens + text, counts + [self.weights.word] * len(text)
            rows.append((tokens, counts))
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
    ):
        if wrong:
            raise ValueError(f"shard: {what} out of range")
