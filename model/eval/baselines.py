"""Detectors to compare with, on the same learn rows, smoothing and threshold rule.

Each gives one or two statistics a row.  Those of the learn rows are held out: fitted on the other
four of five contiguous folds; those of later rows come from a fit on all learn rows.

    robust z   largest |x - median| / scale of a channel, scale = max(1.4826 MAD, sd / 2)
    PCA        Hotelling's T2 of the components that hold 90 % of the variance, and Q (squared
               prediction error) of the rest (Jackson and Mudholkar 1979)
    CVA        canonical variate analysis: past and future of 3 rows; T2 of the state (half as many
               canonical variates as channels) and of the residual (Negiz and Cinar 1997; Odiowei
               and Cao 2010), ridge 1e-3
    iforest    isolation forest, 200 trees, scikit-learn's defaults otherwise, seed 0
"""
from __future__ import annotations

from typing import Callable

import numpy as np

FOLDS = 5
KEPT_VARIANCE = 0.9
LAGS = 3
RIDGE = 1e-3

Scorer = Callable[[np.ndarray], list[np.ndarray]]  # rows -> statistics
Fit = Callable[[np.ndarray, np.ndarray], Scorer]  # rows of the table, which of them to learn


def filled(values: np.ndarray) -> np.ndarray:
    """A missing reading is the last one heard; before the first, the median."""
    out = np.array(values, dtype=float)
    for column in out.T:
        heard = np.isfinite(column)
        if not heard.any():
            column[:] = 0.0
            continue
        last = np.maximum.accumulate(np.where(heard, np.arange(len(column)), -1))
        column[:] = np.where(last >= 0, column[np.maximum(last, 0)], np.median(column[heard]))
    return out


def standardiser(learn: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    mean, spread = learn.mean(axis=0), learn.std(axis=0)
    spread = np.where(spread > 1e-9 * (1 + np.abs(mean)), spread, 1e-3 * (1 + np.abs(mean)))
    return lambda rows: (rows - mean) / spread


def fit_robust_z(values: np.ndarray, learn: np.ndarray) -> Scorer:
    healthy = values[learn]
    middle = np.median(healthy, axis=0)
    mad = 1.4826 * np.median(np.abs(healthy - middle), axis=0)
    scale = np.maximum(np.maximum(mad, healthy.std(axis=0) / 2), 1e-9 * (1 + np.abs(middle)))
    return lambda rows: [np.max(np.abs(rows - middle) / scale, axis=1)]


def fit_pca(values: np.ndarray, learn: np.ndarray) -> Scorer:
    standard = standardiser(values[learn])
    variance, axes = np.linalg.eigh(np.cov(standard(values[learn]), rowvar=False).reshape(
        values.shape[1], values.shape[1]))  # fmt: skip
    variance, axes = variance[::-1], axes[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variance) / variance.sum(), KEPT_VARIANCE)) + 1
    kept = min(kept, len(variance))

    def score(rows: np.ndarray) -> list[np.ndarray]:
        part = standard(rows) @ axes
        t2 = np.sum(part[:, :kept] ** 2 / np.maximum(variance[:kept], 1e-12), axis=1)
        if kept == len(variance):  # one channel, or all of them independent: nothing is left
            return [t2]
        return [t2, np.sum(part[:, kept:] ** 2, axis=1)]

    return score


def _inverse_root(covariance: np.ndarray) -> np.ndarray:
    ridge = RIDGE * np.trace(covariance) / len(covariance)
    value, vector = np.linalg.eigh(covariance + ridge * np.eye(len(covariance)))
    return (vector / np.sqrt(np.maximum(value, 1e-12))) @ vector.T


def _lagged(rows: np.ndarray, first: int) -> np.ndarray:
    """Rows t+first .. t+first+LAGS-1 beside each other; the ends repeat."""
    index = np.arange(len(rows))[:, None] + np.arange(first, first + LAGS)
    return rows[np.clip(index, 0, len(rows) - 1)].reshape(len(rows), -1)


def fit_cva(values: np.ndarray, learn: np.ndarray) -> Scorer:
    standard = standardiser(values[learn])
    at = learn[(learn >= LAGS) & (learn < len(values))]
    whole = np.isin(at + LAGS - 1, learn) & np.isin(at - LAGS, learn)  # of one fold's side
    at = at[whole]
    z = standard(values)
    past, future = _lagged(z, -LAGS)[at], _lagged(z, 0)[at]
    past_root = _inverse_root(past.T @ past / len(at))
    future_root = _inverse_root(future.T @ future / len(at))
    _, _, right = np.linalg.svd(future_root @ (future.T @ past / len(at)) @ past_root)
    states = max(1, (values.shape[1] + 1) // 2)
    to_state, to_rest = right[:states] @ past_root, right[states:] @ past_root

    def score(rows: np.ndarray) -> list[np.ndarray]:
        now = _lagged(standard(rows), 1 - LAGS)  # up to the row itself: nothing after it is used
        return [np.sum((now @ part.T) ** 2, axis=1) for part in (to_state, to_rest)]

    return score


def fit_iforest(values: np.ndarray, learn: np.ndarray) -> Scorer:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=200, random_state=0).fit(values[learn])
    return lambda rows: [-forest.score_samples(rows)]


FITS: dict[str, Fit] = {
    "robust z, max": fit_robust_z,
    "PCA T2+Q": fit_pca,
    "CVA": fit_cva,
    "isolation forest": fit_iforest,
}


def statistics(fit: Fit, values: np.ndarray, n_learn: int) -> list[np.ndarray]:
    """Per row; learn rows held out."""
    values = filled(values)
    out = [part.copy() for part in fit(values, np.arange(n_learn))(values)]
    for fold in np.array_split(np.arange(n_learn), FOLDS):
        rest = np.setdiff1d(np.arange(n_learn), fold)
        scored = fit(values, rest)(values)
        for part, held_out in zip(out, scored):
            part[fold] = held_out[fold]
    return out
