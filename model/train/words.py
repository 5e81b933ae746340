"""Words of the answers: labels -> text with references, as tokens of the model's vocabulary."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.train import phrases
from model.train.layout import FAULT, NORMAL, ONSET_BEFORE, ONSET_NONE, OPERATION, UNKNOWN, Layout

LANGUAGES = ("en", "ko")
MAX_WORDS = 56
SEVERE = 3


def _sentences(tree: object) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for branch in tree.values():
            yield from _sentences(branch)
    elif isinstance(tree, Sequence):
        for branch in tree:
            yield from _sentences(branch)


def vocabulary() -> list[str]:
    """Every word of every sentence: references first, then in order of first use."""
    tables = (
        phrases.WHEN, phrases.WHEN_FIRST, phrases.NORMAL, phrases.OPENING,
        phrases.OPENING_NO_CHANNEL, phrases.SYMPTOM, phrases.COMPANY, phrases.FAMILY,
        phrases.NAMING, phrases.CHECK, phrases.LOOK, phrases.URGENT,
    )  # fmt: skip
    seen = dict.fromkeys(word for text in _sentences(tables) for word in text.split())
    words = [word for word in seen if not word.startswith("@")]
    words.sort(key=lambda word: not word.startswith("{"))
    return words


@dataclass(frozen=True)
class Finding:
    """What an answer says, as labels."""

    verdict: int
    fault: int
    severity: int
    n_channels: int
    onset: int


class Wording:
    """Draws a text for a finding; the same generator state gives the same text."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.words = vocabulary()
        self.token = {word: layout.n_codes + i for i, word in enumerate(self.words)}

    def tokens(self, text: str) -> list[int]:
        return [self.token[word] for word in text.split()]

    def text(self, finding: Finding, language: str, rng: np.random.Generator) -> str:
        """A text in tokens apart by spaces, at most MAX_WORDS of them."""
        pick = lambda options: options[int(rng.integers(len(options)))]  # noqa: E731
        if finding.verdict == NORMAL:
            return pick(phrases.NORMAL[language])
        parts = [self._opening(finding, language, pick)]
        if finding.n_channels >= 2:
            parts.append(pick(phrases.COMPANY[language][min(3, finding.n_channels)]))
        parts += self._conclusion(finding, language, pick, bool(rng.random() < 0.4))
        text = " ".join(parts)
        if len(text.split()) > MAX_WORDS:
            text = " ".join(parts[:1] + parts[-2:])
        return self._dated(text, finding.onset, language)

    def _opening(self, finding: Finding, language: str, pick) -> str:
        if finding.n_channels == 0:
            return pick(phrases.OPENING_NO_CHANNEL[language])
        symptom = phrases.SYMPTOM.get(self.layout.faults[finding.fault])
        if symptom is not None and finding.verdict == FAULT:
            return pick(symptom[language])
        return pick(phrases.OPENING[language])

    def _conclusion(self, finding: Finding, language: str, pick, hint: bool) -> list[str]:
        kind = self.layout.fault_kinds[finding.fault]
        if finding.verdict == UNKNOWN:
            kind = "none"
        family = phrases.FAMILY_OF.get(self.layout.faults[finding.fault])
        parts = []
        if hint and family is not None and finding.verdict == FAULT:
            parts.append(pick(phrases.FAMILY[family][language]))
        parts.append(pick(phrases.NAMING[kind][language]))
        if finding.verdict == OPERATION:
            return parts
        if kind != "none":
            parts.append(pick(phrases.CHECK[language]))
        elif finding.n_channels > 0:
            parts.append(pick(phrases.LOOK[language]))
        if finding.severity >= SEVERE:
            parts.append(pick(phrases.URGENT[language]))
        return parts

    @staticmethod
    def _dated(text: str, onset: int, language: str) -> str:
        known = "before" if onset in (ONSET_BEFORE, ONSET_NONE) else "known"
        text = text.replace("@When", phrases.WHEN_FIRST[language][known])
        return text.replace("@when", phrases.WHEN[language][known])
