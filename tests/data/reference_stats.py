"""Reference vectors of gateway/core/stats.h, from an implementation of its own in numpy.

    /usr/bin/python3 tests/data/reference_stats.py tests/data/reference_stats.bin

File: little-endian doubles, five sections, each led by its number of cases:
windows  rows 64, values; detrended; rms, kurtosis, crest, energy [4], share [4], flat longest and last,
         gap longest and last, gap share, lag-1 autocorrelation, effective rows of 64
pairs    x [64], y [64], max lag; best lag, its correlation, correlation at lags -3..3, Fisher z at lag 0,
         change of that against .25
memory   rows, location, scale, values, healthy (0/1); mean, variance, covariance, rows taken in, error
kinds    rows, values; kind; states n, looks, per state value, rows, spells, looks, longest; queries q, per
         query value, readings, surprise, dwell
normal   p, z
"""
from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from statistics import NormalDist

import numpy as np

ROWS, FEW, STILL, LARGEST = 64, 8, 1e-12, 1e75
MEASURED, STATE, COUNTER, CONSTANT = range(4)


def readings(window: np.ndarray) -> np.ndarray:
    """Missing as NaN, the rest within +-LARGEST."""
    return np.where(np.isfinite(window), np.clip(window, -LARGEST, LARGEST), np.nan)


def detrend(window: np.ndarray) -> np.ndarray:
    value, row = readings(window), np.arange(len(window), dtype=float)
    here = ~np.isnan(value)
    if here.sum() < 2:
        return np.where(here, 0, np.nan)
    unit = max(np.abs(value[here]).max(), 1e-300)
    matrix = np.stack([np.ones(here.sum()), row[here]], 1)
    line = np.linalg.lstsq(matrix, value[here] / unit, rcond=None)[0] * unit
    residual = value - line[0] - line[1] * row
    still = np.sqrt(np.mean(residual[here] ** 2)) <= STILL * np.abs(value[here]).max()
    return np.where(here, 0, np.nan) if still else residual


def shape(residual: np.ndarray) -> list[float]:
    x = residual[~np.isnan(residual)]
    if len(x) < FEW or not x.any():
        return [0.0, 0.0, 0.0]
    rms = np.sqrt(np.mean(x**2))
    return [rms, np.mean((x / rms) ** 4) - 3, np.abs(x).max() / rms]


def bands(residual: np.ndarray) -> np.ndarray:
    here = ~np.isnan(residual)
    window = np.sin(np.pi * np.arange(ROWS) / ROWS) ** 2  # periodic Hann
    if here.sum() < FEW or not np.nan_to_num(residual).any():
        return np.zeros(8)
    power = np.abs(np.fft.rfft(np.nan_to_num(residual) * window)) ** 2
    power[1:-1] *= 2
    power /= ROWS * np.sum(window[here] ** 2)
    frequency = np.fft.rfftfreq(ROWS)
    edges = [(1 / 64, 1 / 16), (1 / 16, 1 / 8), (1 / 8, 1 / 4), (1 / 4, 0.51)]
    energy = np.array([power[(frequency >= a) & (frequency < b)].sum() for a, b in edges])
    return np.concatenate([energy, energy / energy.sum() if energy.sum() else energy])


def runs(items: list) -> list[tuple[object, int]]:
    return [(key, len(list(group))) for key, group in groupby(items)]


def stillness(window: np.ndarray) -> list[float]:
    missing = ~np.isfinite(window)
    flat = [length for _, length in runs(list(window[~missing]))] or [0]
    gaps = [length for key, length in runs(list(missing)) if key] or [0]
    return [max(flat), flat[-1], max(gaps), gaps[-1] if missing[-1] else 0, missing.mean()]


def lag1(window: np.ndarray) -> float:
    value = readings(window)
    x = value - np.nanmean(value) if np.isfinite(value).any() else value
    here = x[~np.isnan(x)]
    if len(here) < FEW or np.sqrt(np.mean(here**2)) <= STILL * np.nanmax(np.abs(value)):
        return 0.0
    return float(np.clip(np.nansum(x[1:] * x[:-1]) / np.nansum(x * x), -0.99, 0.99))


def effective(n: float, r: float) -> float:
    return float(np.clip(n * (1 - r) / (1 + r), 1, n))


def windows() -> list[np.ndarray]:
    rng = np.random.default_rng(11)
    t = np.arange(ROWS)
    noise = rng.normal(size=ROWS)
    gappy = np.where(rng.random(ROWS) < 0.3, np.nan, 5 + noise)
    slow = np.cumsum(rng.normal(size=ROWS)) + 0.3 * t
    held = np.where(t > 40, 7.25, np.round(noise, 1))
    late = np.where(t > 56, np.nan, slow)
    burst = 0.1 * noise + np.where(t % 16 == 3, 9.0, 0.0)
    few = np.where(t < 6, noise, np.nan)
    infinite = np.where(t == 9, np.inf, np.where(t == 20, -np.inf, noise))
    tones = [3 + np.sin(2 * np.pi * f * t + 0.4) for f in (2 / 64, 6 / 64, 11 / 64, 0.5)]
    return [
        noise, gappy, slow, held, late, burst, few, infinite, *tones,
        1e6 + 1e-3 * noise, 1e300 * noise, 1e75 * np.sign(noise), 1e-30 * noise,
        np.full(ROWS, 0.1), 0.1 * t + 17.3, np.full(ROWS, np.nan), 1e60 * t * t,
    ]  # fmt: skip


def window_case(window: np.ndarray) -> list:
    residual, r = detrend(window), lag1(window)
    return [[ROWS], window, residual, shape(residual), bands(residual), stillness(window), [r, effective(ROWS, r)]]


def correlation(x: np.ndarray, y: np.ndarray, lag: int) -> float:
    n = len(x)
    a, b = readings(x)[max(0, -lag) : n - max(0, lag)], readings(y)[max(0, lag) : n - max(0, -lag)]
    both = ~np.isnan(a) & ~np.isnan(b)
    if both.sum() < 2 * FEW:
        return 0.0
    a, b = a[both], b[both]
    if any(np.std(v) <= STILL * np.abs(v).max() for v in (a, b)):
        return 0.0
    return float(np.corrcoef(a / np.abs(a).max(), b / np.abs(b).max())[0, 1])


def pair_case(x: np.ndarray, y: np.ndarray, most: int) -> list:
    order = sorted(range(-most, most + 1), key=lambda lag: (abs(lag), -lag))
    found = [correlation(x, y, lag) for lag in order]
    best = next(i for i, r in enumerate(found) if abs(r) >= max(map(abs, found)) - 1e-9)
    fixed = [correlation(x, y, lag) for lag in range(-3, 4)]
    z = np.arctanh(np.clip(fixed[3], -0.9999, 0.9999))
    change = (z - np.arctanh(0.25)) * np.sqrt(ROWS - 3)
    return [x, y, [most, order[best], found[best]], fixed, [z, change]]


def pairs() -> list[tuple]:
    rng = np.random.default_rng(12)
    long = np.convolve(rng.normal(size=90), np.ones(4) / 4, "valid")
    x, noise = long[10 : 10 + ROWS], rng.normal(size=ROWS)
    gappy = np.where(rng.random(ROWS) < 0.25, np.nan, long[5 : 5 + ROWS])
    mostly_lost = np.where(np.arange(ROWS) % 5 > 0, np.nan, noise)
    return [
        (x, long[5 : 5 + ROWS], 12), (x, -long[13 : 13 + ROWS], 12), (x, gappy, 12), (x, noise, 16),
        (x, x, 8), (x, np.full(ROWS, 4.2), 8), (1e300 * x, 1e-30 * long[8 : 8 + ROWS], 8),
        (x, mostly_lost, 8), (x, np.sign(np.arange(ROWS) - 30), 8),
    ]  # fmt: skip


def memory_case(value: np.ndarray, healthy: np.ndarray, location: float, scale: float) -> list:
    taken = healthy & np.isfinite(value)
    z = np.clip((np.where(taken, value, location) - location) / scale, -8, 8)
    index, most = np.flatnonzero(taken), 1024
    steps = np.minimum(np.arange(1, len(index) + 1), most)
    # Weight of each row taken in: its own step's share, faded by every later one.
    keep = np.append(np.cumprod((1 - 1 / steps)[::-1])[::-1][1:], 1.0)
    weight, x = keep / steps, z[index]
    mean = float(np.sum(weight * x)) if len(x) else 0.0
    variance = float(np.sum(weight * (x - mean) ** 2)) if len(x) else 0.0
    covariance = 0.0
    running = [float(np.sum((np.append(np.cumprod((1 - 1 / steps[:k])[::-1])[::-1][1:], 1.0) / steps[:k]) * x[:k]))
               for k in range(1, len(x) + 1)]  # fmt: skip
    for k in range(1, len(index)):
        if index[k] == index[k - 1] + 1:
            product = (x[k - 1] - running[k]) * (x[k] - running[k])
            covariance += (product - covariance) / steps[k]
    worth = 2 * most - 1 if len(index) >= most else len(index)
    r = np.clip(covariance / variance, -0.99, 0.99) if variance > 0 else 0.0
    error = 1.0 if len(index) < FEW else max(np.sqrt(variance / effective(worth, r)), 1e-3)
    state = [mean, variance, covariance, min(len(index), most), error]
    return [[len(value), location, scale], value, healthy.astype(float), state]


def memories() -> list[tuple]:
    rng = np.random.default_rng(13)
    red = np.zeros(3000)
    for t in range(1, len(red)):
        red[t] = 0.8 * red[t - 1] + rng.normal()
    drifting = 40 + 2 * (red + np.arange(3000) / 1000)
    lost = np.where(rng.random(3000) < 0.1, np.nan, drifting)
    yes = np.ones(3000, bool)
    return [
        (drifting, yes, 40.0, 3.0), (lost, rng.random(3000) < 0.7, 40.0, 3.0),
        (drifting[:5], yes[:5], 40.0, 3.0), (red[:200] * 1e200, yes[:200], 0.0, 1.0),
        (drifting[:100], ~yes[:100], 40.0, 3.0), (np.full(50, 7.0), yes[:50], 7.0, 0.5),
    ]  # fmt: skip


def states_of(value: np.ndarray) -> list[list[float]]:
    """value, rows, spells, looks, longest of the first 16 states."""
    present = [v for v in value if np.isfinite(v)]
    table: dict[float, list[float]] = {}
    for state, length in runs(present):
        row = table.setdefault(state, [state, 0, 0, 0, 0])
        row[1] += length
        row[2] += 1
        row[3] += 1 + (length - 1) // ROWS
        row[4] = max(row[4], length)
    return list(table.values())


def surprise(table: list[list[float]], value: float) -> float:
    looks = sum(row[3] for row in table)
    own = next((row[3] for row in table[:16] if row[0] == value), 0)
    p = (sum(row[3] for row in table[:16] if row[3] <= own) + 1) / (looks + 1)
    return -NormalDist().inv_cdf(p / 2) if np.isfinite(value) else 0.0


def dwell(table: list[list[float]], value: float, count: int) -> float:
    longest = next((row[4] for row in table[:16] if row[0] == value), 0)
    return float(np.clip(np.log2(count / longest), -16, 16)) if longest and count else 0.0


def kind_case(value: np.ndarray, kind: int) -> list:
    table = states_of(value)
    first = table[:16]
    asked = [(row[0], 1 + 40 * i) for i, row in enumerate(first[:3])] + [(-77.5, 9), (np.nan, 9)]
    if first:
        asked.append((first[0][0], 0))
    queries = [x for v, count in asked for x in (v, count, surprise(table, v), dwell(table, v, count))]
    looks = sum(row[3] for row in table)
    return [[len(value)], value, [kind, len(first), looks], *first, [len(asked)], queries]


def spells(rng: np.random.Generator, levels: list[float], rows: int, hold: int) -> np.ndarray:
    out: list[float] = []
    while len(out) < rows:
        choices = [level for level in levels if not out or level != out[-1]]
        out += [float(rng.choice(choices))] * int(rng.integers(hold, 3 * hold))
    return np.array(out[:rows])


def kinds() -> list[tuple[np.ndarray, int]]:
    rng = np.random.default_rng(14)
    switch = spells(rng, [0, 1], 400, 12)
    lossy = np.where(rng.random(400) < 0.1, np.nan, switch)
    noisy = np.rint(52 + 1.6 * rng.normal(size=400)).clip(49, 56)
    ambient = np.rint(21 + np.cumsum(0.05 * rng.normal(size=400))).clip(19, 23)
    pieces = np.cumsum(rng.random(400) < 0.3).astype(float)
    shift = np.concatenate([pieces[:200], pieces[200:] - pieces[200]])
    walk = 1 + np.abs((np.arange(400) // 3) % 4 - 2.0)
    program = np.tile(np.repeat(np.arange(1.0, 6), 6), 12)
    stroll = np.tile(np.repeat([1.0, 2, 3, 2], 8), 10)
    backlog = np.arange(400) // 4 - 10.0 * (np.arange(400) > 200)
    rare = np.where(np.arange(900) == 500, 3.0, spells(rng, [1, 2], 900, 40))
    return [
        (switch, STATE), (lossy, STATE), (spells(rng, [50, 60, 70], 300, 20), STATE), (rare, STATE),
        (spells(rng, [0, 1, 2, 3], 300, 6), STATE), (np.repeat([0.0, 1, 2, 1, 0], 30), STATE),
        (noisy, MEASURED), (ambient, MEASURED), (walk, MEASURED), (rng.normal(size=100), MEASURED),
        (spells(rng, [71, 72], 300, 10), MEASURED), (spells(rng, [0, 0.5], 300, 10), MEASURED),
        (rng.integers(0, 2, 300).astype(float), MEASURED), (np.arange(7.0), MEASURED),
        (program, STATE), (stroll, MEASURED), (backlog, MEASURED),
        (pieces, COUNTER), (shift, COUNTER), (1e9 + 3 * np.arange(200.0), COUNTER),
        (np.full(300, 4.5), CONSTANT), (np.where(np.arange(90) % 2, np.nan, 0.0), CONSTANT),
        (np.full(40, np.nan), MEASURED), (spells(rng, list(range(0, 400, 20)), 900, 4), MEASURED),
    ]  # fmt: skip


def main() -> None:
    probability = np.array([1, 0.9, 0.5, 0.15, 0.149, 0.05, 1e-3, 1e-6, 1e-9, 1e-11, 1e-12])
    normal = [[p, -NormalDist().inv_cdf(p / 2)] for p in probability]
    sections = [
        [window_case(window) for window in windows()],
        [pair_case(*case) for case in pairs()],
        [memory_case(*case) for case in memories()],
        [kind_case(*case) for case in kinds()],
        [[case] for case in normal],
    ]
    out = []
    for cases in sections:
        out += [[len(cases)], *(part for case in cases for part in case)]
    flat = np.concatenate([np.asarray(part, float).ravel() for part in out])
    Path(sys.argv[1]).write_bytes(flat.astype("<f8").tobytes())


if __name__ == "__main__":
    main()
