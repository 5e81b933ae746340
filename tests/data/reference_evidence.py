"""Reference vectors of the evidence, from an implementation of its own in numpy.

    /usr/bin/python3 tests/data/reference_evidence.py tests/data/reference_evidence.bin

File: little-endian doubles.  Number of cases; per case: channels n, learn rows, rows, values [rows][n],
location [n], scale [n], header [n][7], then per row z [n], d [n], r [n], e [n] and the log2 ratios of
T2, Q, the whitened dynamic statistic and its MEWMA.
"""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

LAGS, FOLDS, RIDGE, WHITENER_RIDGE, WEIGHT = 2, 4, 0.02, 0.05, 0.15


def signal(seed: int, rows: int, channels: int) -> np.ndarray:
    """Channels that share two slow factors, differently noisy, one quantised, some readings lost."""
    rng = np.random.default_rng(seed)
    factors = np.zeros((rows, 2))
    for t in range(1, rows):
        factors[t] = 0.9 * factors[t - 1] + rng.normal(size=2)
    mixing = rng.normal(size=(2, channels))
    value = factors @ mixing + rng.normal(size=(rows, channels)) * rng.uniform(0.2, 1, channels)
    value = value * 10.0 ** rng.integers(-2, 3, channels) + rng.normal(size=channels) * 100
    if channels > 2:
        value[:, 2] = np.rint(value[:, 2] / np.std(value[:, 2])) * 7
        value[rng.random(rows) < 0.1, 1] = np.nan
        value[:3, 1] = np.nan
    return np.round(value, 6)


def robust_scale(x: np.ndarray, floor: float) -> float:
    mad = np.median(np.abs(x - np.median(x)))
    return max(1.4826 * mad, 0.5 * np.std(x), floor)


def hold(column: np.ndarray) -> np.ndarray:
    """The last reading stands in for a missing one; NaN before the first."""
    held = column.copy()
    for t in range(1, len(held)):
        if np.isnan(held[t]):
            held[t] = held[t - 1]
    return held


def describe_channels(value: np.ndarray, learn: int) -> tuple[np.ndarray, ...]:
    """location, scale, step scale, share without a step, z and d of all rows."""
    rows, n = value.shape
    location, scale, step_scale, share = (np.zeros(n) for _ in range(4))
    z, d = np.zeros((rows, n)), np.zeros((rows, n))
    for c in range(n):
        present = value[:learn, c][~np.isnan(value[:learn, c])]
        location[c] = np.median(present)
        scale[c] = robust_scale(present, 1e-9 * np.abs(present).max())
        held = hold(value[:, c])
        steps = np.nan_to_num(np.diff(held, prepend=np.nan))
        taken = ~np.isnan(value[:, c]) & ~np.isnan(np.concatenate([[np.nan], held[:-1]]))
        steps_learnt = steps[:learn][taken[:learn]]
        step_scale[c] = robust_scale(steps_learnt, 0)
        share[c] = np.mean(steps_learnt == 0)
        z[:, c] = np.clip(np.nan_to_num((held - location[c]) / scale[c]), -60, 60)
        d[:, c] = np.clip(steps / step_scale[c], -100, 100)
    return location, scale, step_scale, share, z, d


def add_ridge(a: np.ndarray, ridge: float) -> np.ndarray:
    diagonal = np.diag(a)
    return a + np.diag(np.where(diagonal > 1e-3, ridge * diagonal, 1.0))


class Joint:
    """Static and dynamic model of the rows in `index`."""

    def __init__(self, z: np.ndarray, index: np.ndarray) -> None:
        now, past = z[index], np.hstack([z[index - 1], z[index - 2]])
        self.mean, self.past_mean = now.mean(0), past.mean(0)
        now, past = now - self.mean, past - self.past_mean
        count = len(index)
        self.precision = np.linalg.inv(add_ridge(now.T @ now / count, RIDGE))
        self.var = np.linalg.solve(add_ridge(past.T @ past / count, RIDGE), past.T @ now / count)

    def residuals(self, z: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        now = z[index] - self.mean
        past = np.hstack([z[np.maximum(index - 1, 0)], z[np.maximum(index - 2, 0)]]) - self.past_mean
        static = now @ self.precision
        dynamic = np.where(index[:, None] >= LAGS, now - past @ self.var, 0)
        t2 = np.sum(static * now, 1) / z.shape[1]
        return static / np.diag(self.precision), dynamic, t2


def whitener(e: np.ndarray) -> np.ndarray:
    return np.linalg.inv(add_ridge(e.T @ e / len(e), WHITENER_RIDGE))


def form(precision: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.einsum("ti,ij,tj->t", x, precision, x) / x.shape[1]


def evidence(value: np.ndarray, learn: int) -> list[np.ndarray]:
    rows, n = value.shape
    location, scale, step_scale, share, z, d = describe_channels(value, learn)
    edges = [LAGS + k * (learn - LAGS) // FOLDS for k in range(FOLDS + 1)]
    folds = [np.arange(edges[k] if k else 0, edges[k + 1]) for k in range(FOLDS)]
    usable = np.arange(LAGS, learn)
    r, e, t2 = Joint(z, usable).residuals(z, np.arange(rows))
    for fold in folds:
        r[fold], e[fold], t2[fold] = Joint(z, np.setdiff1d(usable, fold)).residuals(z, fold)
    static_scale = np.array([robust_scale(r[LAGS:learn, c], 1e-6) for c in range(n)])
    dynamic_scale = np.array([robust_scale(e[LAGS:learn, c], 1e-6) for c in range(n)])
    r, e = np.clip(r / static_scale, -60, 60), np.clip(e / dynamic_scale, -60, 60)
    smooth, w = np.zeros((rows, n)), np.zeros(n)
    for t in range(rows):
        w = w + WEIGHT * (np.clip(e[t], -20, 20) - w)
        smooth[t] = w
    full = whitener(e[usable])
    dynamic, mewma = form(full, e), form(full, smooth)
    for fold in folds:
        held_out = whitener(e[np.setdiff1d(usable, fold)])
        dynamic[fold], mewma[fold] = form(held_out, e[fold]), form(held_out, smooth[fold])
    ratios = []
    for statistic in (t2, np.mean(r**2, 1), dynamic, mewma):
        ratio = np.log2(np.maximum(statistic, 1e-6) / np.median(statistic[LAGS:learn]))
        ratios.append(np.clip(ratio, -8, 24))
    ratios[2][:LAGS] = ratios[3][:LAGS] = 0
    blocks = z[: learn // 32 * 32].reshape(-1, 32, n).mean(1)
    spread, quarter = z[LAGS:learn].std(0) + 1e-6, learn // 4
    header = np.stack([
        blocks.std(0) / spread,
        z[learn - quarter : learn].mean(0) - z[:quarter].mean(0),
        np.log2(step_scale / scale),
        np.log2(static_scale / spread + 1e-6),
        np.log2(dynamic_scale / spread + 1e-6),
        share,
        np.abs(z[:learn]).max(0),
    ], 1)  # fmt: skip
    return [value, location, scale, header, np.hstack([z, d, r, e, np.stack(ratios, 1)])]


def main() -> None:
    cases = [(1, 4, 160, 224), (2, 1, 96, 128), (3, 12, 100, 132)]
    out = [np.array([len(cases)], float)]
    for seed, channels, learn, rows in cases:
        out.append(np.array([channels, learn, rows], float))
        out += evidence(signal(seed, rows, channels), learn)
    Path(sys.argv[1]).write_bytes(np.concatenate([a.ravel() for a in out]).astype("<f8").tobytes())


if __name__ == "__main__":
    main()
