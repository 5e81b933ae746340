"""How much each fault's name counts in the loss, so that rare faults are named too."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from model.train.layout import NORMAL, Layout
from model.train.shards import read_shard
from model.train.unknown import HeldOut


def count_faults(paths: list[Path], layout: Layout, held_out: HeldOut) -> np.ndarray:
    """Windows of every fault code that a run over these shards would see, normal ones left out."""
    counts = np.zeros(len(layout.faults), np.int64)
    for path in paths:
        for group in read_shard(path):
            verdict, fault = held_out.labels(group.data)
            seen = (verdict != NORMAL) & ~held_out.is_never(group.data)
            counts += np.bincount(fault[seen], minlength=len(counts))
    return counts


def fault_weights(counts: np.ndarray, power: float, most: float) -> np.ndarray:
    """Frequency to the minus `power`, the mean over windows 1, none above `most`; codes that do not
    occur, and "none", weigh 1."""
    weight = np.ones(len(counts), np.float32)
    seen = counts > 0
    if seen.any() and power > 0:
        share = counts[seen] / counts.sum()
        raw = share**-power
        weight[seen] = np.minimum(raw / (share * raw).sum(), most)
    return weight
