"""A shard with random codes in which the labels can be read off the codes."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from model.train.claims import CHANNEL_CLAIMS, EVENT_CLAIMS, bits_of
from model.train.layout import NONE_CODE, Layout
from model.train.shards import NO_CHANNEL, Group, write_shard

PATCHES, BINS, FEATURES = 16, 32, 7
ABOVE_AND_ROSE, STEADY = bits_of(("above", "rose"), CHANNEL_CLAIMS), bits_of(("steady",), EVENT_CLAIMS)
ORDINARY, ODD = (10, 20), (24, 32)  # bins of healthy and of faulty patches


def _features(rng: np.random.Generator, table: int, odd: np.ndarray) -> np.ndarray:
    """Codes [..., FEATURES] of one table: the bins tell whether the patch is odd."""
    size = odd.shape + (FEATURES,)
    bins = np.where(
        odd[..., None], rng.integers(*ODD, size), rng.integers(*ORDINARY, size)
    )
    return table + np.arange(FEATURES) * BINS + bins


def make_group(layout: Layout, rows: int, windows: int, rng: np.random.Generator) -> Group:
    table = layout.table
    faulty = rng.random(windows) < 0.5
    onset = np.where(faulty, rng.integers(0, PATCHES, windows), 17)
    culprit = rng.integers(1, rows, windows)
    active = faulty[:, None] & (np.arange(PATCHES) >= onset[:, None])
    patch = np.zeros((windows, rows, PATCHES), bool)
    patch[:, 0] = active
    patch[np.arange(windows), culprit] = active
    code = np.full((windows, rows, layout.row_length, layout.slots), NONE_CODE, np.uint16)
    first = layout.first_patch
    healthy = np.zeros((windows, rows, first - 1), bool)
    asset, channels = slice(0, 1), slice(1, None)
    for row, past, now in ((asset, "asset_history", "asset"), (channels, "history", "patch")):
        code[:, row, 1:first, :FEATURES] = _features(rng, table(past), healthy[:, row])
        code[:, row, first:, :FEATURES] = _features(rng, table(now), patch[:, row])
    code[..., FEATURES] = table("row") + np.arange(rows)[None, :, None]
    fault = layout.faults.index("leak")
    channels = np.full((windows, 4), NO_CHANNEL, np.uint8)
    channels[faulty, 0] = culprit[faulty]
    data = {
        "code": code, "verdict": faulty * 2, "fault": faulty * fault, "severity": faulty * 2,
        "onset": onset, "channels": channels, "patch": patch,
        "effect": np.where(faulty, 6.0, 0.0).astype(np.float32), "move": channels * 0,
        "proof": (channels != NO_CHANNEL) * 1,
        "claims": np.where(channels != NO_CHANNEL, ABOVE_AND_ROSE, 0).astype(np.uint32),
        "event_claims": faulty * STEADY, "claims_known": np.ones(windows, bool),
        "machine": faulty * 0, "series": np.arange(windows),
    }  # fmt: skip
    return Group(rows, data)


def make_shard(path: Path, layout: Layout, windows: int, seed: int, sizes=(2, 3, 5)) -> None:
    rng = np.random.default_rng(seed)
    write_shard(path, [make_group(layout, rows, windows, rng) for rows in sizes], seed)
