"""What the model is to call unknown: windows of some faults are relabelled when shards are read.

Two disjoint sets of codes (config "unknown").  `taught`: in every role these windows have the verdict
unknown, as `mw-corpus --hold-out` writes it, so that no window contradicts another.  `never`: the model
does not see these windows in training; what it says of them in evaluation shows whether "unknown"
reaches beyond the taught ones.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.train.layout import FAULT, UNKNOWN, Layout
from model.train.shards import Group


def codes_of(layout: Layout, names: Sequence[str]) -> np.ndarray:
    """Indices of faults by name; ValueError where one is no fault."""
    for name in names:
        if name not in layout.faults:
            raise ValueError(f"config unknown: no fault {name}")
        if layout.fault_kinds[layout.faults.index(name)] not in ("sensor", "process"):
            raise ValueError(f"config unknown: {name} is no fault that can be held out")
    return np.array([layout.faults.index(name) for name in names], np.int64)


@dataclass(frozen=True)
class HeldOut:
    taught: np.ndarray  # indices of faults
    never: np.ndarray
    unknown: int  # the index that stands for a fault without a name

    @staticmethod
    def of(layout: Layout, config: dict[str, list[str]]) -> "HeldOut":
        taught, never = (codes_of(layout, config.get(key, [])) for key in ("taught", "never"))
        if np.intersect1d(taught, never).size:
            raise ValueError("config unknown: a fault is both taught and never seen")
        return HeldOut(taught, never, layout.faults.index("unknown"))

    def is_never(self, data: dict[str, np.ndarray]) -> np.ndarray:
        """[windows] bool."""
        return (data["verdict"] == FAULT) & np.isin(data["fault"], self.never)

    def labels(self, data: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Verdict and fault of every window, the taught ones unknown."""
        hit = (data["verdict"] == FAULT) & np.isin(data["fault"], self.taught)
        verdict = np.where(hit, UNKNOWN, data["verdict"]).astype(np.uint8)
        return verdict, np.where(hit, self.unknown, data["fault"]).astype(np.uint8)

    def taught_view(self, group: Group) -> Group:
        """The group with the labels of `labels`; arrays are shared."""
        verdict, fault = self.labels(group.data)
        return Group(group.rows, group.data | {"verdict": verdict, "fault": fault})

    def for_training(self, group: Group) -> Group:
        """The same without the windows that the model must never see."""
        hidden = self.is_never(group.data)
        if hidden.any():
            group = group.take(np.flatnonzero(~hidden))
        return self.taught_view(group)
