"""Texts for reading: `python3 -m model.train.sample_words --describe FILE --count 150 --language ko`.

Findings are drawn at random, with claims that can hold together, and the texts are filled with made-up
names and values as the gateway would render them; last come figures of their variety.
"""
from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from model.train.claims import CHANNEL_CLAIMS, parse_claim
from model.train.layout import FAULT, ONSET_BEFORE, OPERATION, UNKNOWN, Layout, read_layout
from model.train.words import LANGUAGES, Finding, Wording, as_unknown

NAMES = (
    ("Pressure_2", "bar"), ("bearing temp", "°C"), ("유량", "m³/h"), ("motor_current", "A"), ("토출 압력", "bar"),
)  # fmt: skip
LIBRARY = Path("schemas/faults.cfg")

# --- findings -----------------------------------------------------------------------------------

# Of each set at most one holds, with this chance that one does.
EXCLUSIVE = (
    (("above", "below"), 0.85), (("rose", "fell"), 0.6), (("over_limit", "under_limit"), 0.1),
    (("slight", "strong"), 0.6), (("still", "lost", "gone", "spikes", "noisy", "calm", "swings"), 0.4),
    (("growing", "back"), 0.25),
)  # fmt: skip
ORDER = ("after", "before", "with")


def _one(rng: np.random.Generator, names: Sequence[str], chance: float) -> set[str]:
    return {names[int(rng.integers(len(names)))]} if rng.random() < chance else set()


def random_claims(rng: np.random.Generator, channel: int) -> frozenset[str]:
    found: set[str] = set()
    for names, chance in EXCLUSIVE:
        found |= _one(rng, names, chance)
    if found & {"rose", "fell"}:
        found |= _one(rng, ("sudden", "gradual"), 0.7)
    if channel > 1:
        found |= _one(rng, ORDER, 0.9)
    return frozenset(found)


def random_finding(layout: Layout, rng: np.random.Generator) -> Finding:
    """Of a fault, an operation or something unknown, as often as each has names."""
    fault = int(rng.integers(2, len(layout.faults)))
    n_channels = int(rng.choice((0, 1, 2, 3, 4), p=(0.02, 0.4, 0.25, 0.2, 0.13)))
    finding = Finding(
        verdict=OPERATION if layout.fault_kinds[fault] == "operation" else FAULT,
        fault=fault,
        severity=int(rng.integers(1, 4)),
        n_channels=n_channels,
        onset=int(rng.integers(ONSET_BEFORE + 1)),
        claims=tuple(random_claims(rng, channel) for channel in range(1, n_channels + 1)),
        event_claims=frozenset(_one(rng, ("steady", "off"), 0.9)),
    )
    unknown = finding.verdict == FAULT and rng.random() < 0.1
    return as_unknown(finding, layout) if unknown else finding


# --- rendering ----------------------------------------------------------------------------------


def has_final(text: str) -> tuple[bool, bool]:
    """Whether what was said last ends in a consonant, and whether that is ㄹ; Hangul and digits."""
    last = text[-1:]
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        return final > 0, final == 8
    return last in "0136780LMNlmn", last in "178Ll"


def particle(pair: str, before: str) -> str:
    closed, open_ = pair.split("/")
    final, rieul = has_final(before)
    return closed if final and not (rieul and closed == "으로") else open_


class Library:
    """First causes and checks of schemas/faults.cfg; enough to read texts by."""

    def __init__(self, path: Path) -> None:
        self.entries: dict[str, dict[str, dict[str, list[str]]]] = {}
        for entry in path.read_text(encoding="utf-8").split("code = ")[1:]:
            code = entry.split('"')[1]
            name = re.search(r'name = \{ en = "(.*?)"; ko = "(.*?)"', entry)
            lists = {"fault": {"en": [name[1]], "ko": [name[2]]}}
            for key, of in (("causes", "cause"), ("checks", "check")):
                part = entry.split(f"{key} = {{")[1].split("};")[0]
                lists[of] = {
                    language: re.findall(r'"(.*?)"', part.split(f"{language} = (")[1].split(");")[0])
                    for language in LANGUAGES
                }
            self.entries[code] = lists


class Rendering:
    """Fills a text with made-up values."""

    def __init__(self, library: Library, code: str, language: str, rng: np.random.Generator) -> None:
        self.library, self.code, self.language, self.rng = library, code, language, rng
        first = int(rng.integers(len(NAMES)))
        self.channels = [NAMES[(first + i) % len(NAMES)] for i in range(3)]

    def reference(self, what: str, finding: Finding) -> str:
        if what[0] == "c" and what[1] in "123":
            return self.of_channel(int(what[1]), what[3:], finding)
        before = finding.onset == ONSET_BEFORE
        if what == "onset":
            known = {"en": "10:04:05 on 3 November", "ko": "11월 3일 10시 4분 5초"}[self.language]
            late = {"en": f"before {known}", "ko": f"{known} 이전"}[self.language]
            return late if before else known
        if what == "duration":
            known = {"en": "12 min", "ko": "12분"}[self.language]
            return {"en": f"more than {known}", "ko": f"{known} 이상"}[self.language] if before else known
        said = self.library.entries[self.code][what][self.language]
        return said[int(self.rng.integers(len(said)))]

    def of_channel(self, channel: int, what: str, finding: Finding) -> str:
        name, unit = self.channels[channel - 1]
        if what == "name":
            return name
        if what == "dev":
            times = f"{self.rng.uniform(4, 30):.1f}"
            return {"en": f"{times} times its healthy spread", "ko": f"정상 변동폭의 {times}배"}[self.language]
        if what == "dir":
            high = "above" in finding.claims_of(channel)
            return {"en": ("below", "above"), "ko": ("낮게", "높게")}[self.language][high]
        return f"{self.rng.uniform(1, 90):.1f} {unit}"

    def text(self, words: Iterable[str], finding: Finding) -> str:
        out, starts = "", True
        for word in words:
            claim, josa = parse_claim(word), word.startswith("{josa:")
            joins = josa or (claim.joins if claim else word[0] == "+")
            if josa:
                said = particle(word[6:-1], out)
            elif claim:
                said = claim.reads
            else:
                cited = word[0] == "{"
                said = self.reference(word[1:-1], finding) if cited else word.removeprefix("+")
            if starts and (claim or word[:2] + word[3:4] != "{c."):  # a channel's name stays as it is
                said = said[0].upper() + said[1:]
            out += ("" if joins or not out else " ") + said
            starts = word[0] == "+" and word[-1] in ".!?"
        return out


# --- variety ------------------------------------------------------------------------------------


def skeleton(words: Iterable[str]) -> str:
    """A text without what it cites; claims are words."""
    return " ".join("{}" if word[0] == "{" and not parse_claim(word) else word for word in words)


def variety(texts: Sequence[Sequence[str]]) -> dict[str, float]:
    pairs = [pair for words in texts for pair in zip(words, words[1:])]
    lengths = [len(words) for words in texts]
    openings = Counter(skeleton(words[: words.index("+.")]) for words in texts)
    skeletons = Counter(map(skeleton, texts))
    return {
        "distinct-2": len(set(pairs)) / len(pairs),
        "different pairs of words": len(set(pairs)),
        "commonest skeleton": skeletons.most_common(1)[0][1] / len(texts),
        "commonest first sentence": openings.most_common(1)[0][1] / len(texts),
        "mean length": float(np.mean(lengths)),
        "longest": max(lengths),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--describe", type=Path, required=True)
    parser.add_argument("--library", type=Path, default=LIBRARY)
    parser.add_argument("--language", choices=LANGUAGES, action="append")
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    layout, library = read_layout(arguments.describe), Library(arguments.library)
    wording = Wording(layout)
    for language in arguments.language or LANGUAGES:
        rng, texts = np.random.default_rng(arguments.seed), []
        for number in range(arguments.count):
            finding = random_finding(layout, rng)
            texts.append(wording.text(finding, language, rng).split())
            code = layout.faults[finding.fault]
            said = Rendering(library, code, language, rng).text(texts[-1], finding)
            claims = "; ".join(" ".join(sorted(c)) for c in finding.claims)
            print(f"{number + 1}. [{code}: {claims}]\n   {said}")
        print("\n".join(f"{name}: {value:.3g}" for name, value in variety(texts).items()))


if __name__ == "__main__":
    main()
