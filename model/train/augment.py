"""Noise on the codes, so that the model leans on no single feature and no exact bin."""
from __future__ import annotations

import numpy as np

from model.train.layout import NONE_CODE, Layout

BINS = 32
FAMILIES = 7


def drop_features(
    codes: np.ndarray, layout: Layout, share: float, rng: np.random.Generator
) -> np.ndarray:
    """In a share of the windows one feature is emptied in every table.  codes [B, ...], copied."""
    tables = layout.table("row") // BINS
    dropped = np.zeros((len(codes), 65536 // BINS), bool)
    hit = np.flatnonzero(rng.random(len(codes)) < share)
    family = rng.integers(FAMILIES, size=len(hit))
    for first in range(0, tables, FAMILIES):
        dropped[hit, first + family] = True
    out = codes.copy()
    if len(hit):
        part = out[hit]
        index = np.arange(len(hit)).reshape((-1,) + (1,) * (codes.ndim - 1))
        part[dropped[hit][index, part // BINS]] = NONE_CODE
        out[hit] = part
    return out


def jitter_bins(
    codes: np.ndarray, layout: Layout, share: float, rng: np.random.Generator
) -> np.ndarray:
    """A share of the feature codes moves to a neighbouring bin, in place."""
    flat = codes.reshape(-1)
    hit = rng.integers(flat.size, size=int(flat.size * share))
    chosen = flat[hit]
    step = np.where(rng.random(len(hit)) < 0.5, -1, 1)
    moved = chosen.astype(np.int64) + step
    legal = (chosen < layout.table("row")) & (moved // BINS == chosen // BINS) & (moved >= 0)
    flat[hit] = np.where(legal, moved, chosen).astype(np.uint16)
    return codes
