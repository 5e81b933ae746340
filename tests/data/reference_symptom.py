"""Reference vectors of gateway/core/symptom.h and channel_model.h, from numpy.

    /usr/bin/python3 tests/data/reference_symptom.py tests/data/reference_symptom.bin

The statistics themselves come from reference_stats.py; what is made of them here is written from the
headers' formulas.  File: little-endian doubles.  Number of assets; per asset: channels n, learn rows, rows,
windows; use [n] and kind [n] (the enums of C), values [rows][n], judged [rows][n] as it comes in; per channel
of what was learnt: median [8], spread [8], correlation, longest run of equal readings, longest run of lost
rows, most lost rows in a window, partner (-1 none), lag, location and scale of what is judged; per window the
row past its last one and the symptoms [n][8].
"""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from reference_stats import (COUNTER, FEW, MEASURED, ROWS, STATE, bands, correlation, detrend, dwell, effective,
                             lag1, runs, shape, states_of, surprise)  # fmt: skip

GUESS, QUANTITY, STATES, COMMAND, COUNTS = range(5)
IMPULSE, POWER, BAND, STILL, LOST, DRIFT, RARE, COUPLING = range(8)
LEAST = np.array([1, 0.5, 0.25, 0.5, 0.5, 0.5, 0.5, 2])  # of each measure's spread
STRIDE, LAG_MOST, COUPLED, STILL_LEAST, LOST_ADDED, PATCH = 16, 8, 0.7, 8, 4, 4
NEVER = 1e30  # the scale of what is not known


def noise(rng: np.random.Generator, rows: int, memory: float) -> np.ndarray:
    out = np.zeros(rows)
    for t in range(1, rows):
        out[t] = memory * out[t - 1] + rng.normal()
    return out


def held(column: np.ndarray) -> np.ndarray:
    index = np.where(np.isnan(column), 0, np.arange(len(column)))
    return column[np.maximum.accumulate(index)]


# --- what is judged -------------------------------------------------------------------------------


def judge(column: np.ndarray, kind: int, learn: int) -> np.ndarray:
    if kind == MEASURED:
        return column.copy()
    if kind == COUNTER:
        before = np.concatenate([[np.nan], held(column)[:-1]])
        heard = np.where(np.isnan(column), -1, np.arange(len(column)))
        last = np.concatenate([[-1], np.maximum.accumulate(heard)[:-1]])
        with np.errstate(invalid="ignore"):
            return np.where(column >= before, (column - before) / (np.arange(len(column)) - last), np.nan)
    table = states_of(column[:learn])
    commonest = max(table, key=lambda row: row[1])[0]
    sign = np.where(column < commonest, -1, 1)
    return np.array([s * surprise(table, v) if np.isfinite(v) else np.nan for s, v in zip(sign, column)])


def unit_of(judged: np.ndarray, kind: int) -> tuple[float, float]:
    """Location and scale of the learn rows' judged values."""
    x = judged[~np.isnan(judged)]
    if kind == STATE or len(x) < 16:
        return 0.0, 1.0 if kind == STATE else NEVER
    middle = float(np.median(x))
    scale = max(1.4826 * np.median(np.abs(x - middle)), x.std() / 2, 1e-9 * np.abs(x).max(), 1e-12)
    if kind == COUNTER:
        scale = max(scale, np.ptp(x) / 3) if np.ptp(x) > 0 else NEVER
    return middle, float(scale)


# --- what is learnt -------------------------------------------------------------------------------


def measures(x: np.ndarray) -> list[float]:
    """Kurtosis, crest factor, rms, log2 share of the bands."""
    residual = detrend(x)
    rms, kurtosis, crest = shape(residual)
    return [kurtosis, crest, rms, *np.log2(bands(residual)[4:] + 1e-3)]


def uncoupled(x: np.ndarray, y: np.ndarray, learnt: float, lag: int) -> float:
    """Standard errors between a window's correlation and the one learnt."""
    rows = effective(ROWS, lag1(x) * lag1(y))
    z = [np.arctanh(np.clip(r, -0.9999, 0.9999)) for r in (correlation(x, y, lag), learnt)]
    return abs(z[0] - z[1]) * np.sqrt(rows - 3) if rows >= 4 else 0.0


def log_ratio(value: float, reference: float) -> float:
    if value <= 0:
        return -16.0 if reference > 0 else 0.0
    return float(np.clip(np.log2(value / reference), -16, 16)) if reference > 0 else 16.0


def middle_and_spread(x: np.ndarray, least: float) -> tuple[float, float]:
    low, middle, high = np.quantile(x, [0.1, 0.5, 0.9])
    return middle, max(high - middle, middle - low, least)


class Learnt:
    """Of one channel: judged and raw readings of the learn rows, the partner's judged ones."""

    def __init__(self, kind: int, judged: np.ndarray, raw: np.ndarray, silent: np.ndarray, partner: int,
                 other: np.ndarray) -> None:  # fmt: skip
        self.median, self.spread = np.zeros(8), np.zeros(8)
        self.correlation, self.partner, self.lag = 0.0, -1, 0
        missing = np.isnan(raw)
        self.still = max((length for _, length in runs(list(raw[~missing]))), default=0)
        self.lost = max((length for gone, length in runs(list(missing[~silent])) if gone), default=0)
        blamed = np.concatenate([np.zeros(ROWS), np.cumsum(missing & ~silent)])
        self.most = int((blamed[ROWS:] - blamed[:-ROWS]).max())
        if kind != MEASURED:
            return
        if partner >= 0:
            self.find_partner(judged, other, partner)
        starts = range(0, len(judged) - ROWS + 1, STRIDE)
        if len(starts) < 6:
            return
        table = np.array([measures(judged[s : s + ROWS]) + [self.coupling(judged[s : s + ROWS], other[s : s + ROWS])]
                          for s in starts])  # fmt: skip
        for k in range(8):
            self.median[k], self.spread[k] = middle_and_spread(table[:, k], LEAST[k])
        power = np.array([log_ratio(rms, self.median[2]) for rms in table[:, 2]])
        self.spread[2] = middle_and_spread(power, LEAST[2])[1]

    def find_partner(self, x: np.ndarray, y: np.ndarray, partner: int) -> None:
        order = sorted(range(-LAG_MOST, LAG_MOST + 1), key=lambda lag: (abs(lag), -lag))
        found = [correlation(x, y, lag) for lag in order]
        best = int(np.argmax(np.abs(found)))
        self.lag, self.correlation = order[best], found[best]
        self.partner = partner if abs(self.correlation) >= COUPLED else -1

    def coupling(self, x: np.ndarray, y: np.ndarray) -> float:
        return uncoupled(x, y, self.correlation, self.lag) if self.partner >= 0 else 0.0


def partner_of(z: np.ndarray, c: int) -> int:
    """The channel of largest |correlation| with c; -1 when nothing moves with it."""
    spread = z.std(0)
    if spread[c] ** 2 <= 1e-3:
        return -1
    r = [abs(np.mean((z[:, c] - z[:, c].mean()) * (z[:, i] - z[:, i].mean()))) / (spread[c] * spread[i])
         if i != c and spread[i] ** 2 > 1e-3 else 0 for i in range(z.shape[1])]  # fmt: skip
    return int(np.argmax(r)) if max(r) > 0 else -1


# --- a window -------------------------------------------------------------------------------------


def present_run(raw: np.ndarray, silent: np.ndarray) -> tuple[int, int]:
    """Equal readings up to now, and rows without one while others were heard."""
    missing = np.isnan(raw)
    heard = runs(list(raw[~missing]))
    tail = runs(list(missing[~silent]))
    return (heard[-1][1] if heard else 0), (tail[-1][1] if tail and tail[-1][0] else 0)


def symptoms(model: Learnt, kind: int, judged: np.ndarray, raw: np.ndarray, silent: np.ndarray, other: np.ndarray,
             table: list, drift: float) -> np.ndarray:  # fmt: skip
    out = np.zeros(8)
    x, y = judged[-ROWS:], other[-ROWS:]
    still, lost = present_run(raw, silent)
    if kind == MEASURED:
        out[STILL] = max(log_ratio(still, max(model.still, STILL_LEAST)), 0)
    if kind == MEASURED and model.spread[0] > 0:
        now = np.array(measures(x) + [model.coupling(x, y)])
        off = (now - model.median) / model.spread
        out[IMPULSE] = max(off[0], off[1], 0)
        out[POWER] = log_ratio(now[2], model.median[2]) / model.spread[2]
        out[BAND] = off[3:7][np.argmax(np.abs(off[3:7]))]
        out[COUPLING] = max(off[7], 0) if model.partner >= 0 else 0
    if kind == STATE:
        out[RARE] = max(np.nanmax(np.abs(x), initial=0), dwell(table, held(raw)[-1], still), 0)
    gone = np.sum(np.isnan(raw[-ROWS:])) - np.sum(silent[-ROWS:])
    out[LOST] = max(log_ratio(lost + LOST_ADDED, model.lost + LOST_ADDED),
                    log_ratio(gone + LOST_ADDED, model.most + LOST_ADDED), 0)  # fmt: skip
    out[DRIFT] = drift
    return np.clip(out, -60, 60)


def asset(use: list[int], kinds: list[int], value: np.ndarray, learn: int, ends: list[int]) -> list:
    rows, n = value.shape
    silent = np.isnan(value).all(1)
    judged = np.stack([judge(value[:, c], kinds[c], learn) for c in range(n)], 1)
    units = [unit_of(judged[:learn, c], kinds[c]) for c in range(n)]
    z = np.stack([np.clip(np.nan_to_num((held(judged[:, c]) - units[c][0]) / units[c][1]), -60, 60)
                  for c in range(n)], 1)  # fmt: skip
    out = [[n, learn, rows, len(ends)], use, kinds, value, judged]
    models = []
    for c in range(n):
        partner = partner_of(z[2:learn], c)
        model = Learnt(kinds[c], judged[:learn, c], value[:learn, c], silent[:learn], partner, judged[:learn, partner])
        models.append(model)
        out += [model.median, model.spread, [model.correlation, model.still, model.lost, model.most, model.partner,
                                             model.lag, *units[c]]]  # fmt: skip
    for end in ends:
        out.append([end])
        for c, model in enumerate(models):
            seen = ~np.isnan(value[:end, c])
            drift = np.clip(z[:end, c], -8, 8)[seen].mean() if seen.any() else 0.0
            out.append(symptoms(model, kinds[c], judged[:end, c], value[:end, c], silent[:end],
                                judged[:end, model.partner], states_of(value[:learn, c]), drift))  # fmt: skip
    return out


# --- assets ---------------------------------------------------------------------------------------


def busy(seed: int, learn: int, rows: int) -> np.ndarray:
    """Eight channels whose live rows show one symptom after the other."""
    rng = np.random.default_rng(seed)
    drive = noise(rng, rows + LAG_MOST, 0.9)
    ahead, behind = drive[3:][:rows], drive[:rows]
    value = np.stack([
        50 + 3 * ahead + 0.4 * rng.normal(size=rows),
        20 - 2 * behind + 0.4 * rng.normal(size=rows),  # follows by 3 rows, the other way round
        np.round(noise(rng, rows, 0.7)),  # few values: stands still now and then
        300 + 0.05 * np.arange(rows) + rng.normal(size=rows),
        np.tile(np.repeat([0.0, 1.0], [40, 24]), rows)[:rows],
        np.cumsum(rng.random(rows) < 0.3).astype(float),
        noise(rng, rows, 0.5),
        np.full(rows, 4.5),
    ], 1)  # fmt: skip
    value[150:156, 4] = 3.0  # seldom, but healthy
    value[rng.random(rows) < 0.06, 6] = np.nan
    value[90:102] = np.nan  # the whole asset: nobody's loss
    live = np.arange(rows) - learn
    value[(live > 0) & (live % 23 == 5), 0] += 14.0  # knocks
    value[live >= 40, 1] = 20 + 4 * noise(rng, rows, 0.9)[live >= 40]  # goes its own way
    value[live >= 64, 2] = value[learn + 64, 2]  # stuck
    value[(live >= 80) & (live < 120), 3] = np.nan
    value[live >= 30, 4] = 1.0  # stays
    value[live >= 100, 4] = 7.0  # never seen
    value[live >= 70, 5] -= value[learn + 70, 5]  # reset
    value[live >= 50, 6] = 6 * np.sin(2.9 * live[live >= 50])  # faster and stronger
    value[(live >= 130) & (live < 138)] = np.nan
    return np.round(value, 6)


def plain(seed: int, rows: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    value = np.stack([noise(rng, rows, 0.8) * 10.0**c for c in range(n)], 1)
    value[:, -1] += 5 * value[:, 0] * 10.0 ** (n - 1)
    return np.round(value, 6)


def main() -> None:
    learn = 320
    kinds = [MEASURED] * 4 + [STATE, COUNTER, MEASURED, MEASURED]
    ends = list(range(learn - 2 * ROWS, learn + 176 + 1, 16))
    guessed = [GUESS] * 7 + [QUANTITY]
    told = [QUANTITY] * 4 + [STATES, COUNTS, QUANTITY, GUESS]
    drifting = plain(4, 400, 3)
    drifting[200:, 1] += 1.6 * np.arange(200)
    cases = [
        (guessed, kinds, busy(1, learn, 496), learn, ends),
        (told, kinds, busy(2, learn, 496), learn, ends),
        ([STATES, QUANTITY, COUNTS], [MEASURED, MEASURED, COUNTER], plain(3, 192, 3), 128, [64, 128, 160, 192]),
        ([GUESS] * 3, [MEASURED] * 3, drifting, 200, [200, 264, 300, 332, 352, 372, 400]),
        ([GUESS], [MEASURED], plain(5, 300, 1), 200, [200, 300]),
    ]  # fmt: skip
    assert FEW == 8
    out = [[len(cases)], *(part for case in cases for part in asset(*case))]
    flat = np.concatenate([np.asarray(part, float).ravel() for part in out])
    Path(sys.argv[1]).write_bytes(flat.astype("<f8").tobytes())


if __name__ == "__main__":
    main()
