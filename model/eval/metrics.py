"""Figures from scores and labels.  numpy only.  Never point-adjusted: a random score passes that."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np

ALARMING = 0.1  # p-values above it concern nobody
THRESHOLDS = 250  # at which range-based curves are evaluated, as the paper's authors do


def auroc(score: np.ndarray, label: np.ndarray) -> float:
    """Probability that an anomalous row scores higher than a normal one (ties count half)."""
    positive = np.asarray(label) > 0
    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    if n_pos == 0 or n_neg == 0:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((rank[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def auprc(score: np.ndarray, label: np.ndarray) -> float:
    """Average precision: precision at each distinct score, weighted by the recall it adds."""
    positive = np.asarray(label) > 0
    if not positive.any():
        return float("nan")
    order = np.argsort(-np.asarray(score), kind="mergesort")
    value, hit = np.asarray(score)[order], positive[order]
    last = np.r_[np.flatnonzero(value[1:] != value[:-1]), len(value) - 1]  # of equal scores
    found = np.cumsum(hit)[last]
    recall = found / positive.sum()
    precision = found / (last + 1)
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def counts(score: np.ndarray, label: np.ndarray, threshold: float) -> dict[str, float]:
    """F1, false-alarm rate, missed-alarm rate (percent) and J = 100 - FAR - MAR at a threshold."""
    return flagged_counts(np.asarray(score) > threshold, label)


def flagged_counts(flagged: np.ndarray, label: np.ndarray) -> dict[str, float]:
    truth = np.asarray(label) > 0
    tp = int((flagged & truth).sum())
    fp = int((flagged & ~truth).sum())
    fn = int((~flagged & truth).sum())
    tn = int((~flagged & ~truth).sum())
    far = 100 * fp / max(fp + tn, 1)
    mar = 100 * fn / max(fn + tp, 1)
    return {"F1": 2 * tp / max(2 * tp + fp + fn, 1), "FAR": far, "MAR": mar, "J": 100 - far - mar}


def best_j(score: np.ndarray, label: np.ndarray) -> float:
    """Largest J of any threshold: hindsight, to tell a bad threshold from a bad ranking."""
    positive = np.asarray(label) > 0
    order = np.argsort(-np.asarray(score), kind="mergesort")
    value, hit = np.asarray(score)[order], positive[order]
    last = np.r_[np.flatnonzero(value[1:] != value[:-1]), len(value) - 1]
    true = np.cumsum(hit)[last] / max(positive.sum(), 1)
    false = np.cumsum(~hit)[last] / max((~positive).sum(), 1)
    return float(100 * max(0.0, np.max(true - false)))


# --- VUS-PR (Paparrizos et al., PVLDB 15(11), 2022) ----------------------------------------------


def segments(label: np.ndarray) -> list[tuple[int, int]]:
    """First and last row of each run of labels above 0."""
    edge = np.diff(np.r_[0, (np.asarray(label) > 0).astype(int), 0])
    return list(zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) - 1))


def soft_label(label: np.ndarray, buffer: int) -> np.ndarray:
    """The label with half a buffer at each side of a run, falling off as sqrt(1 - d / buffer)."""
    soft = (np.asarray(label) > 0).astype(float)
    for first, last in segments(label):
        for distance in range(1, buffer // 2 + 1):
            weight = np.sqrt(1 - distance / buffer)
            for row in (first - distance, last + distance):
                if 0 <= row < len(soft):
                    soft[row] += weight
    return np.minimum(soft, 1.0)


def range_auc_pr(score: np.ndarray, label: np.ndarray, soft: np.ndarray) -> float:
    """Area under range-based precision and recall: recall counts soft labels against the mean of
    hard and soft mass, and is scaled by the share of anomalies that were touched at all."""
    runs = segments(soft)
    mass = ((np.asarray(label) > 0).sum() + soft.sum()) / 2
    order = np.argsort(-score, kind="mergesort")
    ranked = score[order]
    at = np.unique(np.linspace(0, len(score) - 1, THRESHOLDS).astype(int))
    flagged = np.searchsorted(-ranked, -ranked[at], side="right")  # rows at or above a threshold
    hits = np.r_[0.0, np.cumsum(soft[order])][flagged]
    highest = np.array([score[first : last + 1].max() for first, last in runs])
    touched = (highest[None, :] >= ranked[at][:, None]).mean(axis=1)
    recall = np.r_[0.0, np.minimum(hits / mass, 1.0) * touched]
    return float(np.sum(np.diff(recall) * hits / flagged))  # steps, as in average precision


def vus_pr(scores: Sequence[np.ndarray], labels: Sequence[np.ndarray], buffer: int = 64) -> float:
    """Mean of the area over buffers 0 .. `buffer`.  Recordings are joined after their labels were
    widened, so that no buffer reaches from one into the next (two rows of no weight between)."""
    if not any((label > 0).any() for label in labels):
        return float("nan")
    lowest = min(float(score.min()) for score in scores) - 1
    score = _joined(scores, lowest)
    label = _joined(labels, 0.0)
    areas = []
    for width in range(0, buffer + 1, max(buffer // 8, 1)):
        soft = _joined([soft_label(part, width) for part in labels], 0.0)
        areas.append(range_auc_pr(score, label, soft))
    return float(np.mean(areas))


def _joined(parts: Sequence[np.ndarray], between: float) -> np.ndarray:
    gap = np.full(1, between)
    return np.concatenate([piece for part in parts for piece in (np.asarray(part, float), gap)])


# --- intervals and calibration -------------------------------------------------------------------


@dataclass
class Interval:
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def bootstrap(n: int, figure: Callable[[np.ndarray], float], rounds: int = 500) -> Interval:
    """95 % interval of a figure of resampled units (files, blocks, series); the seed is fixed."""
    rng = np.random.default_rng(1)
    values = np.array([figure(rng.integers(n, size=n)) for _ in range(rounds)])
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def ks_uniform(p_value: np.ndarray) -> tuple[float, float]:
    """Kolmogorov-Smirnov distance of p-values from uniform, and what alarms feel of it: the largest
    surplus of the share of p-values at or below a level over the level, levels up to ALARMING."""
    ordered = np.sort(p_value)
    n = len(ordered)
    surplus = np.arange(1, n + 1) / n - ordered
    below = float(np.max(ordered - np.arange(n) / n))
    small = surplus[ordered <= ALARMING]
    return max(float(surplus.max()), below), max(float(small.max(initial=0.0)), 0.0)
