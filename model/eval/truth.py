"""What is true of each window of a simulated machine, from mw-series' tables: the definitions of
gateway/core/truth.h, over all channels instead of those that got a row in the prompt."""
from __future__ import annotations

import csv
import datetime
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from model.eval.harness import PATCH

VISIBLE = 0.5  # noise units
NAMED_SHARE = 0.15  # of the largest effect: a weaker channel is not named
WINDOW_PATCHES = 16
NOW_PATCHES = 2  # what a window shows "now"
BEFORE = -1  # the onset lies before the window
BANDS = ((0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, np.inf))


def band_name(low: float, high: float) -> str:
    return f"{low:g} to {high:g}" if np.isfinite(high) else f"above {low:g}"


def severity_of(effect: float) -> int:
    return 3 if effect > 8 else 2 if effect >= 4 else 1


def sliding_max(value: np.ndarray, width: int) -> np.ndarray:
    """Over the last `width` entries of axis 0, fewer at the start."""
    padded = np.concatenate([np.repeat(value[:1], width - 1, axis=0), value])
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=0).max(axis=-1)


@dataclass
class Window:
    """Of a window that shows a fault."""

    fault: str
    severity: int
    onset: int  # patch of the window, or BEFORE
    channels: list[str]  # by cause, then by effect
    effect: float


@dataclass
class Truth:
    info: dict  # the line of index.jsonl
    names: list[str]
    fault: list[str]  # per row, "none"
    operation: list[str]
    effect: np.ndarray  # rows x channels, noise units

    @classmethod
    def read(cls, info: dict, path: Path) -> "Truth":
        with open(path, encoding="utf-8", newline="") as handle:
            reader = csv.reader(handle)
            header = next(reader)
            rows = list(reader)
        effect = np.array([row[2:] for row in rows], dtype=float)
        return cls(info, header[2:], [r[0] for r in rows], [r[1] for r in rows], effect)

    @property
    def patches(self) -> int:
        return len(self.fault) // PATCH

    @cached_property
    def last_fault(self) -> list[str]:
        """Per patch, the fault that acts or acted last."""
        out, last = [], "none"
        for patch in range(self.patches):
            for code in self.fault[patch * PATCH : (patch + 1) * PATCH]:
                last = code if code != "none" else last
            out.append(last)
        return out

    @cached_property
    def shown(self) -> np.ndarray:
        """Patches x channels: largest effect, 0 where none shows."""
        shape = (self.patches, PATCH, len(self.names))
        largest = self.effect[: self.patches * PATCH].reshape(shape).max(axis=1)
        acted = np.array([code != "none" for code in self.last_fault])
        return np.where((largest >= VISIBLE) & acted[:, None], largest, 0.0)

    @cached_property
    def window_effect(self) -> np.ndarray:
        """Per patch: largest effect of the window that ends with it."""
        return sliding_max(self.shown.max(axis=1), WINDOW_PATCHES)

    @cached_property
    def now_effect(self) -> np.ndarray:
        return sliding_max(self.shown.max(axis=1), NOW_PATCHES)

    @cached_property
    def operates(self) -> np.ndarray:
        """Per patch: an operation shows in the window that ends with it, and no fault."""
        shows = np.array([code != "none" for code in self.operation[: self.patches * PATCH]])
        shows = sliding_max(shows.reshape(-1, PATCH).any(axis=1), WINDOW_PATCHES)
        return shows & (self.window_effect == 0)

    @cached_property
    def peak(self) -> float:
        return float(self.shown.max(initial=0.0))

    def causes(self, fault: str) -> list[str]:
        found = [one["causes"] for one in self.info["injections"] if one["fault"] == fault]
        return found[0] if found else []

    def window(self, patch: int) -> Window | None:
        """The window that ends with a patch; None where no fault shows in it."""
        first = max(patch - WINDOW_PATCHES + 1, 0)
        part = self.shown[first : patch + 1]
        lit = np.flatnonzero(part.max(axis=1) > 0)
        if len(lit) == 0:
            return None
        onset = int(lit[0])
        fault = self.last_fault[first + onset]
        if onset == 0 and first > 0 and self.shown[first - 1].max() > 0:
            onset = BEFORE
        largest = part.max(axis=0)
        effect = float(largest.max())
        order = {name: place for place, name in enumerate(self.causes(fault))}
        named = [c for c in range(len(self.names))
                 if largest[c] >= max(VISIBLE, NAMED_SHARE * effect)]  # fmt: skip
        named.sort(key=lambda c: (order.get(self.names[c], len(order)), -largest[c]))
        return Window(fault, severity_of(effect), onset, [self.names[c] for c in named], effect)


def row_of(time: str, period_s: float) -> int:
    """Row of a time of a table that replay numbered itself (row 0 at the epoch)."""
    return round(datetime.datetime.fromisoformat(time).timestamp() / period_s)
