"""The code layout of the native prompt (schemas/prompt.md), as `mw-corpus --describe` prints it."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

NONE_CODE = 0xFFFF
N_VERDICT = 4
N_SEVERITY = 3
N_ONSET = 18
ONSET_BEFORE = 16
ONSET_NONE = 17
NORMAL, OPERATION, FAULT, UNKNOWN = range(4)


@dataclass(frozen=True)
class Layout:
    """Offsets of the tables that the trainer writes itself, and the name of every code."""

    version: int
    slots: int
    row_length: int
    first_patch: int
    max_channels: int
    names: tuple[str, ...]
    faults: tuple[str, ...]
    fault_kinds: tuple[str, ...]
    tables: dict[str, int]
    sizes: dict[str, int]

    @property
    def n_codes(self) -> int:
        """MW_CODE_END: the first word's token."""
        return len(self.names)

    @property
    def n_patches(self) -> int:
        return self.row_length - self.first_patch

    def table(self, name: str) -> int:
        return self.tables[name]

    def size(self, name: str) -> int:
        """How many codes the table has."""
        return self.sizes[name]


def read_layout(path: Path) -> Layout:
    """Reads the JSON of `mw-corpus --describe`."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Layout(
        version=int(raw["version"]),
        slots=int(raw["slots"]),
        row_length=int(raw["row_length"]),
        first_patch=int(raw["first_patch"]),
        max_channels=int(raw["max_channels"]),
        names=tuple(raw["names"]),
        faults=tuple(fault["code"] for fault in raw["faults"]),
        fault_kinds=tuple(fault["kind"] for fault in raw["faults"]),
        tables={name: int(first) for name, first in raw["tables"].items()},
        sizes={name: int(size) for name, size in raw["table_sizes"].items()},
    )
