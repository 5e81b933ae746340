"""The score of the Numenta Anomaly Benchmark (Lavin and Ahmad, ICMLA 2015), standard profile.

A detection in a labelled window earns up to 1, the more the earlier, by a sigmoid over the window;
only the earliest (best) detection of a window counts.  A detection elsewhere costs up to 0.11, less
right after a window.  A window without a detection costs 1.  Rows of the probationary period (15 %
of the file, at most of 5,000 rows) count for nothing.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Windows = tuple[tuple[int, int], ...]  # (first, last) rows, ascending

A_TP, A_FP, A_FN = 1.0, 0.11, 1.0
PROBATION, PROBATION_OF = 0.15, 5000
FAR_PAST = 3.0  # window widths past a window from which a false alarm costs all


def probation_rows(rows: int) -> int:
    return int(min(np.floor(PROBATION * rows), PROBATION * PROBATION_OF))


def sigmoid(position: np.ndarray | float) -> np.ndarray | float:
    """-1 = first row of a window, 0 = just past its end."""
    return 2 / (1 + np.exp(5 * np.minimum(position, 50.0))) - 1


@lru_cache(maxsize=8)
def weights(rows: int, windows: Windows) -> np.ndarray:
    """What a detection at each row is worth."""
    weight = np.full(rows, -A_FP)
    for first, last in windows:
        width = last - first + 1
        past = np.arange(last + 1, rows)
        position = (past - last) / max(width - 1, 1)
        weight[past] = np.where(position >= FAR_PAST, -1.0, sigmoid(position)) * A_FP
    for first, last in windows:  # after the tails, which a later window cuts off
        row = np.arange(first, last + 1)
        width = last - first + 1
        weight[row] = sigmoid(-(last - row + 1) / width) / sigmoid(-1.0) * A_TP
    return weight


@dataclass
class NabScore:
    score: float
    threshold: float
    found: int  # windows
    false_rows: int
    false_cost: float


def score_at(flagged: np.ndarray, windows: Windows) -> NabScore:
    rows = len(flagged)
    weight = weights(rows, windows)
    counted = flagged & (np.arange(rows) >= probation_rows(rows))
    outside = np.ones(rows, dtype=bool)
    gain, found, open_windows = 0.0, 0, 0
    for first, last in windows:
        outside[first : last + 1] = False
        if last < probation_rows(rows):
            continue
        open_windows += 1
        hit = np.flatnonzero(counted[first : last + 1])
        if len(hit):
            gain += max(float(weight[first + hit].max()), -A_FN)
            found += 1
    false = counted & outside
    cost = float(np.abs(weight[false]).sum())
    total = gain - A_FN * (open_windows - found) - cost
    return NabScore(total, float("nan"), found, int(false.sum()), cost)


def optimised(score: np.ndarray, windows: Windows, tries: int = 2000) -> NabScore:
    """At the threshold that is best on this file, as NAB does (over its whole corpus).  Thresholds
    tried: all of the highest scores, then evenly by rank; none flagged is one of them."""
    best = score_at(np.zeros(len(score), dtype=bool), windows)
    best.threshold = float("inf")
    values = np.unique(score[probation_rows(len(score)) :])[::-1]
    rest = np.linspace(0, len(values) - 1, tries).astype(int)
    chosen = np.unique(np.r_[np.arange(min(tries, len(values))), rest])
    for threshold in values[chosen]:
        now = score_at(score >= threshold, windows)
        if now.score > best.score:
            now.threshold = float(threshold)
            best = now
    return best
