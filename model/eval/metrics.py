"""Detection figures from per-row scores and labels.  numpy only."""
from __future__ import annotations

import numpy as np


def auroc(score: np.ndarray, label: np.ndarray) -> float:
    """Probability that an anomalous row scores higher than a normal one (ties count half)."""
    order = np.argsort(score, kind="mergesort")
    ranks = np.empty(len(score))
    values = score[order]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    ends = np.r_[starts[1:], len(values)]
    for start, end in zip(starts, ends):
        ranks[order[start:end]] = (start + end + 1) / 2
    positive = label > 0
    n_pos = int(positive.sum())
    n_neg = len(label) - n_pos
    return float((ranks[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def counts(score: np.ndarray, label: np.ndarray, threshold: float) -> dict[str, float]:
    """F1, false-alarm rate, missed-alarm rate (percent) and J = 100 - FAR - MAR at a threshold."""
    flagged = score > threshold
    truth = label > 0
    tp = int((flagged & truth).sum())
    fp = int((flagged & ~truth).sum())
    fn = int((~flagged & truth).sum())
    tn = int((~flagged & ~truth).sum())
    far = 100 * fp / max(fp + tn, 1)
    mar = 100 * fn / max(fn + tp, 1)
    return {"F1": 2 * tp / max(2 * tp + fp + fn, 1), "FAR": far, "MAR": mar, "J": 100 - far - mar}
