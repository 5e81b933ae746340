"""Windows and answers on which the C side and `prompt.py` must agree:
`python3 -m model.train.prompt_vector --describe FILE --out tests/data`.

prompt_vector.bin, little endian: magic "MWPV", u32 prompt version, u32 windows; per window
    u32 channels, machine, mode, language (0 en, 1 ko);
    per channel f64 weight, u32 role, f32 header [7], history [3][7], patch [16][7], u8 gap [16],
        f32 symptom [6], f64 now, u32 has a profile, f64 low, high, alarm low, alarm high, u32 in, out,
        f64 weak;
    of the asset f32 history [3][7], patch [16][7];
    then the prompt: u32 rows, u8 channel [rows - 1], u16 code [rows][row length][slots], question [slots]
prompt_answers.txt: a line per answer, "yes" or "no", then its tokens by name.
"""
from __future__ import annotations

import argparse
import math
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path

from model.train.layout import Layout, read_layout
from model.train.prompt import (
    BINS, CURVED, FEATURES, FOLLOWS, HISTORY, MAX_WORDS, PATCHES, SCALES, Channel, Encoder, Features,
    Grammar, Profile, Prompt, Window, word_class,
)  # fmt: skip

MAGIC = b"MWPV"
SYMPTOMS = len(SCALES["symptom"])
PROFILES = 24
PROFILE, NO_PROFILE = "4dIId", (0.0, 0.0, 0.0, 0.0, 0, 0, 0.0)
SEED = 3
CHANNELS = (1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 8, 9, 9, 11, 13, 15, 16, 16, 17, 24, 40, 128)
EXTREME = (0.0, -0.0, 1e-45, -1e-45, 1e-3, 60.0, -60.0, 1e30, -1e30, 3.4e38, -3.4e38)

# --- windows --------------------------------------------------------------------------------------


def as_float32(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


def is_close_to_half(place: float) -> bool:
    """Where a last bit of asinh or log2, which differ between libraries, would decide."""
    return abs(abs(place - math.floor(place)) - 0.5) < 1e-6


def value_at(scale: Callable[[float], float], place: float) -> float:
    """A value that a rising scale puts there."""
    low, high = -1e6, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if scale(middle) < place else (low, middle)
    return high


class Draw:
    """Features: every bin in turn, between them anything, also far out and on the border of bins."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.turn: Counter[tuple[str, int]] = Counter()

    def _value(self, table: str, f: int, scale: Callable[[float], float]) -> float:
        draw = self.random.random()
        if draw < 0.6:
            self.turn[table, f] += 1
            place = self.turn[table, f] % BINS + self.random.uniform(-0.45, 0.45)
        elif draw < 0.7:
            return self.random.choice(EXTREME)
        elif draw < 0.8:
            place = self.random.randrange(BINS) + 0.5
        else:
            place = self.random.uniform(-4, 36)
        return value_at(scale, place)

    def features(self, table: str, scales: str) -> Features:
        values = []
        for f, scale in enumerate(SCALES[scales]):
            value = as_float32(self._value(table, f, scale))
            while scale in CURVED and is_close_to_half(scale(value)):
                value = as_float32(value * 1.001 + 1e-4)
            values.append(value)
        return values

    def blocks(self, count: int, table: str, scales: str) -> list[Features]:
        return [self.features(table, scales) for _ in range(count)]

    def _any_profile(self) -> tuple[Profile, float]:
        edge, draw = (10.0, 20.0, 5.0, 30.0), self.random
        limits = [value if draw.random() < 0.5 else math.nan for value in edge]
        ins, outs = draw.choice(((0, 0), (2, 0), (0, 1), (3, 2)))
        now = draw.choice((*edge, 15.0, 7.5, 25.0, 1.0, 99.0, math.nan))
        return Profile(*limits, ins, outs, draw.choice((0.0, 2.5))), now

    def profile(self) -> tuple[Profile, float]:
        """What is said of a channel, and a reading, also on a limit: every code in turn."""
        self.turn["profile", 0] += 1
        while True:
            profile, now = self._any_profile()
            if profile.code(now) == self.turn["profile", 0] % PROFILES:
                return profile, now

    def channel(self, role: int) -> Channel:
        weight = self.random.choice((0.0, 1.0, self.random.uniform(0, 9)))
        profile, now = self.profile()
        return Channel(
            weight=weight, role=role, header=self.features("header", "header"),
            history=self.blocks(HISTORY, "history", "channel"),
            patch=self.blocks(PATCHES, "patch", "channel"),
            gap=[self.random.randrange(4) for _ in range(PATCHES)],
            symptom=self.features("symptom", "symptom"),
            profile=profile if self.random.random() < 0.7 else None, now=now,
        )  # fmt: skip


def windows(layout: Layout) -> Iterator[Window]:
    draw = Draw(SEED)
    n_role, n_machine, n_mode = (layout.size(name) for name in ("role", "machine", "mode"))
    for i, count in enumerate(CHANNELS):
        yield Window(
            machine=i % n_machine,
            mode=(i // 2) % n_mode,
            language=i % 2,
            channels=[draw.channel((i + c) % n_role) for c in range(count)],
            history=draw.blocks(HISTORY, "asset_history", "asset"),
            patch=draw.blocks(PATCHES, "asset", "asset"),
        )


def _floats(blocks: list[Features]) -> bytes:
    flat = [value for block in blocks for value in block]
    return struct.pack(f"<{len(flat)}f", *flat)


def pack_window(window: Window, prompt: Prompt) -> bytes:
    head = (len(window.channels), window.machine, window.mode, window.language)
    out = [struct.pack("<4I", *head)]
    for channel in window.channels:
        out.append(struct.pack("<dI", channel.weight, channel.role))
        out.append(_floats([channel.header, *channel.history, *channel.patch]))
        out.append(bytes(channel.gap) + _floats([channel.symptom]))
        profile = astuple(channel.profile) if channel.profile else NO_PROFILE
        has_profile = channel.profile is not None
        out.append(struct.pack("<dI" + PROFILE, channel.now, has_profile, *profile))
    out.append(_floats([*window.history, *window.patch]))
    out.append(struct.pack("<I", len(prompt.code)) + bytes(prompt.channels))
    codes = [code for row in prompt.code for position in row for code in position]
    out.append(struct.pack(f"<{len(codes)}H", *codes))
    out.append(struct.pack(f"<{len(prompt.question)}H", *prompt.question))
    return b"".join(out)


class Reader:
    def __init__(self, raw: bytes, layout: Layout) -> None:
        self.raw, self.at, self.layout = raw, 0, layout

    def take(self, form: str) -> tuple:
        values = struct.unpack_from("<" + form, self.raw, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def blocks(self, count: int) -> list[Features]:
        return [self.take(f"{FEATURES}f") for _ in range(count)]

    def channel(self) -> Channel:
        weight, role = self.take("dI")
        (header,) = self.blocks(1)
        history, patch = self.blocks(HISTORY), self.blocks(PATCHES)
        gap, symptom = list(self.take(f"{PATCHES}B")), self.take(f"{SYMPTOMS}f")
        now, has_profile = self.take("dI")
        said = Profile(*self.take(PROFILE))
        profile = said if has_profile else None
        return Channel(weight, role, header, history, patch, gap, symptom, profile, now)

    def window(self) -> Window:
        count, *known = self.take("4I")
        channels = [self.channel() for _ in range(count)]
        return Window(*known, channels, self.blocks(HISTORY), self.blocks(PATCHES))

    def prompt(self) -> Prompt:
        slots = self.layout.slots
        (rows,) = self.take("I")
        channels = list(self.take(f"{rows - 1}B"))
        code = [
            [list(self.take(f"{slots}H")) for _ in range(self.layout.row_length)]
            for _ in range(rows)
        ]
        return Prompt(channels, code, list(self.take(f"{slots}H")))


def read_vector(path: Path, layout: Layout) -> list[tuple[Window, Prompt]]:
    reader = Reader(path.read_bytes(), layout)
    magic, version, count = reader.take("4sII")
    if magic != MAGIC or version != layout.version:
        raise ValueError(f"{path}: not of prompt version {layout.version}")
    cases = [(reader.window(), reader.prompt()) for _ in range(count)]
    if reader.at != len(reader.raw):
        raise ValueError(f"{path}: {len(reader.raw) - reader.at} bytes too many")
    return cases


def write_vector(path: Path, layout: Layout) -> None:
    encoder, cases = Encoder(layout), list(windows(layout))
    head = MAGIC + struct.pack("<2I", layout.version, len(cases))
    path.write_bytes(head + b"".join(pack_window(case, encoder.encode(case)) for case in cases))


# --- answers --------------------------------------------------------------------------------------


class Speaker:
    """Draws texts by the grammar's own rule of what follows what."""

    def __init__(self, words: list[str], draw: random.Random) -> None:
        self.draw = draw
        self.of_class: dict[str, list[tuple[str, int]]] = {}
        for word in words:
            kind, channel = word_class(word)
            self.of_class.setdefault(kind, []).append((word, channel))

    def text(self, named: int, length: int) -> list[str]:
        """A text that ends at the first end of a sentence after `length` words."""
        text, before = [], "start"
        while before != "ender" or len(text) < length:
            kinds = sorted(FOLLOWS[before] - {"eos"})
            if len(text) >= length - 1 and "ender" in kinds:
                kinds = ["ender"]
            kind = self.draw.choice(kinds)
            text.append(self.draw.choice([w for w, c in self.of_class[kind] if c <= named]))
            before = kind
        return text + ["<eos>"]


def answers(layout: Layout, words: list[str], draw: random.Random) -> Iterator[list[str]]:
    """Every fault in turn, name by name: without a text, with a short one, with one of about the
    most words that there may be."""
    verdict_of, speaker = {"operation": 1, "sensor": 2, "process": 2}, Speaker(words, draw)
    for code, kind in zip(layout.faults, layout.fault_kinds):
        verdict = verdict_of.get(kind, 3 if code == "unknown" else 0)
        named = draw.sample(range(1, layout.max_channels + 1), draw.randrange(5) if verdict else 0)
        head = [layout.names[layout.table("verdict") + verdict], f"<fault:{code}>"]
        head += [f"<severity:{draw.randint(1, 3)}>"] + [f"<channel:{row}>" for row in named]
        head += ["<end_channels>", layout.names[layout.table("onset") + draw.randrange(18)]]
        for length in (0, draw.randint(2, 20), draw.randint(MAX_WORDS - 2, MAX_WORDS + 2)):
            yield head + (speaker.text(len(named), length) if length else [])


def spoiled(answer: list[str], names: list[str], draw: random.Random) -> list[str]:
    """The answer with one token lost, doubled, moved or another: mostly not an answer any more."""
    tokens, at = list(answer), draw.randrange(len(answer))
    change = draw.randrange(4)
    if change == 0:
        del tokens[at]
    elif change == 1:
        tokens.insert(at, tokens[at])
    elif change == 2:
        tokens.insert(draw.randrange(len(tokens)), tokens.pop(at))
    else:
        tokens[at] = draw.choice(names)
    return tokens


def write_answers(path: Path, layout: Layout, words: list[str]) -> None:
    draw = random.Random(SEED)
    names = list(layout.names[layout.table("verdict") :]) + words
    number = {name: i for i, name in enumerate(list(layout.names) + words)}
    grammar, lines = Grammar(layout, words), []
    for answer in answers(layout, words, draw):
        for tokens in (answer, spoiled(answer, names, draw), spoiled(answer, names, draw)):
            well = grammar.is_answer([number[token] for token in tokens])
            lines.append(" ".join(["yes" if well else "no", *tokens]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def words_of(path: Path) -> list[str]:
    """The words of a model file: what comes after its codes."""
    from model.train.gguf import read_gguf  # needs torch, which reading the vectors does not

    tokens = read_gguf(path)[0]["tokenizer.ggml.tokens"]
    return tokens[tokens.index("<eos>") + 1 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--describe", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("tests/data"))
    arguments = parser.parse_args()
    layout = read_layout(arguments.describe)
    write_vector(arguments.out / "prompt_vector.bin", layout)
    words = words_of(arguments.out / "golden_lm.gguf")  # the model that the C test speaks with
    write_answers(arguments.out / "prompt_answers.txt", layout, words)


if __name__ == "__main__":
    main()
