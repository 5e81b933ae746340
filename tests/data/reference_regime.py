"""Reference vectors of gateway/core/regime.h, from numpy.

    /usr/bin/python3 tests/data/reference_regime.py tests/data/reference_regime.bin

File: little-endian doubles.  Number of assets; per asset: channels n, learn rows, rows; use [n] (enum
mw_channel_use), values [rows][n]; regimes k, commands that tell them; per command: channel, plateaus p,
plateau [p], reach [p]; the regime of each row by itself [rows] (-1 none); level [k][n], spread [k][n],
pace [n], blur [n]; per row level [n], spread [n] and l [n] of the stream.
"""
from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from reference_stats import COUNTER, MEASURED, STATE
from reference_symptom import COMMAND, COUNTS, QUANTITY, held, judge, noise, unit_of

PLATEAUS, REGIMES, SETTLE, SETTLED, LOST, ANY = 4, 6, 12, 64, 8, 6


def robust(x: np.ndarray, floor: float) -> float:
    return float(max(1.4826 * np.median(np.abs(x - np.median(x))), x.std() / 2, floor))


def side(x: np.ndarray) -> tuple[float, float]:
    return float(np.median(x)), robust(x, 1e-9 * np.abs(x).max())


# --- the map --------------------------------------------------------------------------------------


def threshold(x: np.ndarray) -> int:
    """Otsu's: how many of the sorted readings stand left of it."""
    left = np.arange(1, len(x))
    total = np.cumsum(x)
    low, high = total[:-1] / left, (total[-1] - total[:-1]) / (len(x) - left)
    between = left * (len(x) - left) * (low - high) ** 2
    return 1 + int(np.argmax(np.where(np.diff(x) > 0, between, -1)))


def is_split(x: np.ndarray, at: int, rows: int) -> bool:
    if min(at, len(x) - at) < max(24, 0.04 * rows):
        return False
    near = int(max(24, 0.08 * rows))
    low, below = side(x[max(at - near, 0) : at])
    high, above = side(x[at : at + near])
    quarter = (high - low) / 4
    between = np.sum((x > low + quarter) & (x < high - quarter))
    return high - low >= 6 * max(below, above) and between <= 0.06 * len(x)


def groups(x: np.ndarray, rows: int) -> list[np.ndarray]:
    at = threshold(x)
    return groups(x[:at], rows) + groups(x[at:], rows) if is_split(x, at, rows) else [x]


class Tell:
    """A command's plateaus."""

    def __init__(self, column: np.ndarray) -> None:
        x = np.sort(column[~np.isnan(column)])
        parts = [side(part) for part in groups(x, len(x))]
        assert len(parts) <= PLATEAUS
        self.plateau = np.array([middle for middle, _ in parts])
        gaps = np.concatenate([[np.inf], np.diff(self.plateau), [np.inf]])
        gap = np.minimum(gaps[:-1], gaps[1:])
        spread = np.array([spread for _, spread in parts])
        self.reach = np.maximum(np.minimum(4 * spread, gap / 2), gap / 4)

    def stands(self, value: float) -> int:
        on = np.flatnonzero(np.abs(value - self.plateau) <= self.reach)
        return int(on[0]) if len(on) else -1


def map_of(value: np.ndarray, use: list[int], learn: int) -> tuple[dict[int, Tell], np.ndarray, int]:
    """The commands that tell, each row's regime, and how many there are."""
    raw = np.stack([held(column) for column in value.T], 1)
    tells = {c: Tell(raw[:learn, c]) for c in range(len(use)) if use[c] == COMMAND}
    tells = {c: tell for c, tell in tells.items() if len(tell.plateau) > 1}
    if not tells:
        return tells, np.zeros(len(raw), int), 1
    codes = [tuple(tell.stands(row[c]) for c, tell in tells.items()) for row in raw]
    visits = Counter(code for code in codes[:learn] if min(code) >= 0)
    names = [code for code, rows in visits.most_common(REGIMES) if rows >= 24]
    return tells, np.array([names.index(code) if code in names else -1 for code in codes]), len(names)


# --- levels ---------------------------------------------------------------------------------------


def settled(regime: np.ndarray) -> np.ndarray:
    """The regime of the rows that count for its level, -1 else."""
    out, now, age = np.full(len(regime), -1), -1, 0
    for t, to in enumerate(regime):
        age = age + 1 if now in (-1, to) else 0
        now = to if to >= 0 else now
        out[t] = to if age >= SETTLE or t < SETTLE else -1
    return out


def follow(regime: np.ndarray, x: np.ndarray, level: np.ndarray, spread: np.ndarray, pace: float) -> tuple:
    """What a lag of that pace leaves unexplained after switches: absolute, and rms share of the step."""
    expected, now, step, age, missed, share = np.nan, -1, 0.0, SETTLED, [], []
    for t, to in enumerate(regime):
        if to >= 0 and now >= 0 and to != now:
            step, age = abs(level[to] - expected), 0
        now = to if to >= 0 else now
        if now < 0:
            continue
        expected = level[now] if np.isnan(expected) else expected
        expected += pace * (level[now] - expected)
        if age < SETTLE and not np.isnan(x[t]) and step >= 3 * spread[now]:
            missed.append(abs(x[t] - expected))
            share.append(((x[t] - expected) / step) ** 2)
        age += 1
    return sum(missed), min(np.sqrt(np.mean(share)), 1) if share else 0.0


class Levels:
    """One channel's; level and spread have a last entry for whatever the regime."""

    def __init__(self, x: np.ndarray, regime: np.ndarray, k: int, location: float, scale: float) -> None:
        self.level, self.spread = np.full(ANY + 1, location), np.full(ANY + 1, scale)
        self.pace, self.blur = 1.0, 0.0
        at = settled(regime)
        rows = [x[(at == i) & ~np.isnan(x)] for i in range(k)]
        if k < 2 or min(map(len, rows)) < 16:
            return
        levels = np.array([np.median(part) for part in rows])
        within = robust(np.concatenate([part - level for part, level in zip(rows, levels)]), 0.05 * scale)
        if within >= 0.8 * scale:
            return
        self.level[:k], self.spread[:ANY] = levels, within
        for i, part in enumerate(rows):
            if len(part) >= 64:
                self.spread[i] = np.clip(robust(part, 0), within / 4, within * 4)
        tried = [(2.0**-i, *follow(regime, x, self.level, self.spread, 2.0**-i)) for i in range(6)]
        self.pace, _, self.blur = min(tried, key=lambda one: one[1])


def stream(regime: np.ndarray, levels: list[Levels], z: np.ndarray) -> np.ndarray:
    """level, spread and l of every row."""
    n = len(levels)
    level, spread = (np.stack([getattr(one, name) for one in levels], 1) for name in ("level", "spread"))
    pace, share = np.array([one.pace for one in levels]), np.array([one.blur for one in levels])
    expected, blur, now, lost, out = level[ANY].copy(), np.zeros(n), ANY, SETTLED, []
    begun = False  # the first regime known is there at once
    for t, to in enumerate(regime):
        lost = lost + 1 if to < 0 else 0
        to = ANY if to < 0 and lost >= LOST else to
        if to >= 0 and to != now:
            if begun:
                blur = np.maximum(blur, share * np.abs(level[to] - expected))
            else:
                expected, begun = level[to].copy(), True
            now = to
        expected = expected + pace * (level[now] - expected)
        wide = np.hypot(spread[now], blur)
        out.append([expected, wide, np.clip(np.nan_to_num((z[t] - expected) / wide), -60, 60)])
        blur = blur * np.maximum(0.92, 1 - pace / 2)
    return np.array(out)


def asset(use: list[int], kinds: list[int], value: np.ndarray, learn: int) -> list:
    rows, n = value.shape
    judged = np.stack([judge(value[:, c], kinds[c], learn) for c in range(n)], 1)
    units = [unit_of(judged[:learn, c], kinds[c]) for c in range(n)]
    now = np.stack([held(column) for column in judged.T], 1)
    tells, regime, k = map_of(value, use, learn)
    levels = [Levels(now[:learn, c], regime[:learn], 0 if c in tells else k, *units[c]) for c in range(n)]
    out = [[n, learn, rows], use, value, [k, len(tells)]]
    for c, tell in tells.items():
        out += [[c, len(tell.plateau)], tell.plateau, tell.reach]
    out += [regime, [one.level[i] for i in range(k) for one in levels],
            [one.spread[i] for i in range(k) for one in levels], [one.pace for one in levels],
            [one.blur for one in levels], stream(regime if k > 1 else regime - 1, levels, now)]  # fmt: skip
    return [np.ravel(part) for part in out]


# --- assets ---------------------------------------------------------------------------------------


def driven(seed: int, rows: int, stay: int, lossy: bool) -> np.ndarray:
    """A speed of three steps, a noisy pressure set point of two, and what follows them."""
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    speed = np.array([0.0, 40.0, 100.0])[t // stay % 3]
    wanted = np.where(t // (3 * stay) % 2, 6.0, 2.5) + 0.02 * rng.normal(size=rows)
    warm, slow = np.zeros(rows), 20.0
    for i in range(rows):
        slow += (20 + 0.3 * speed[i] - slow) / 9
        warm[i] = slow
    value = np.stack([
        speed,
        wanted,
        3 * speed + 0.02 * speed * rng.normal(size=rows) + rng.normal(size=rows),
        warm + 0.3 * noise(rng, rows, 0.6),
        wanted * 10 + noise(rng, rows, 0.5),
        5 + noise(rng, rows, 0.8),
        np.cumsum(rng.random(rows) < 0.2 + speed / 200).astype(float),
    ], 1)  # fmt: skip
    if lossy:
        value[rng.random(value.shape) < 0.05] = np.nan
        value[:4, 0] = np.nan
    value[-90:-86, 0] = 70.0  # between two speeds, and soon back
    value[-60:-30, 0] = 250.0  # never given
    return np.round(value, 6)


def main() -> None:
    use = [COMMAND, COMMAND, QUANTITY, QUANTITY, QUANTITY, QUANTITY, COUNTS]
    kinds = [STATE] + [MEASURED] * 5 + [COUNTER]
    quiet = [QUANTITY] * 7
    cases = [
        (use, kinds, driven(1, 640, 40, False), 480),
        (use, kinds, driven(2, 660, 48, True), 500),
        (quiet, [MEASURED] * 7, driven(3, 160, 40, False), 120),
    ]
    out = [[len(cases)], *(part for case in cases for part in asset(*case))]
    flat = np.concatenate([np.asarray(part, float).ravel() for part in out])
    Path(sys.argv[1]).write_bytes(flat.astype("<f8").tobytes())


if __name__ == "__main__":
    main()
