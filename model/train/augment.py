"""Noise on the codes, so that the model leans on no single feature and no exact bin."""
from __future__ import annotations

import numpy as np

from model.train.layout import NONE_CODE, Layout

BINS = 32
FAMILIES = 7  # of the patch, history, asset and header tables
NO_FEATURE = -1


def features_of(layout: Layout) -> np.ndarray:
    """Of every u16: which binned feature it is a code of, counted through the tables, or -1."""
    feature = np.full(65536, NO_FEATURE)
    feature[: layout.table("row")] = np.arange(layout.table("row")) // BINS
    first, size = layout.table("symptom"), layout.size("symptom")
    feature[first : first + size] = feature.max() + 1 + np.arange(size) // BINS
    return feature


def empty_codes(codes: np.ndarray, layout: Layout, families: list[str]) -> np.ndarray:
    """Without the codes whose names begin with "<" and one of `families`; never in place."""
    if not families:
        return codes
    kept = np.arange(NONE_CODE + 1, dtype=codes.dtype)
    begin = tuple("<" + family for family in families)
    kept[[i for i, name in enumerate(layout.names) if name.startswith(begin)]] = NONE_CODE
    return kept[codes]


def drop_features(
    codes: np.ndarray, layout: Layout, share: float, rng: np.random.Generator
) -> np.ndarray:
    """In a share of the windows one feature is emptied in every table, and one symptom.  codes
    [B, ...], copied."""
    feature = features_of(layout)
    tables, features = layout.table("row") // BINS, feature.max() + 1
    hit = np.flatnonzero(rng.random(len(codes)) < share)
    family = rng.integers(FAMILIES, size=len(hit))
    dropped = np.zeros((len(codes), features + 1), bool)  # the last column: no feature
    for first in range(0, tables, FAMILIES):
        dropped[hit, first + family] = True
    dropped[hit, tables + rng.integers(features - tables, size=len(hit))] = True
    out = codes.copy()
    if len(hit):
        part = out[hit]
        index = np.arange(len(hit)).reshape((-1,) + (1,) * (codes.ndim - 1))
        part[dropped[hit][index, feature[part]]] = NONE_CODE
        out[hit] = part
    return out


def jitter_bins(
    codes: np.ndarray, layout: Layout, share: float, rng: np.random.Generator
) -> np.ndarray:
    """A share of the feature codes moves to a neighbouring bin, in place."""
    feature = features_of(layout)
    flat = codes.reshape(-1)
    hit = rng.integers(flat.size, size=int(flat.size * share))
    chosen = flat[hit]
    step = np.where(rng.random(len(hit)) < 0.5, -1, 1)
    moved = np.clip(chosen.astype(np.int64) + step, 0, NONE_CODE)
    legal = (feature[chosen] != NO_FEATURE) & (feature[moved] == feature[chosen])
    flat[hit] = np.where(legal, moved, chosen).astype(np.uint16)
    return codes
