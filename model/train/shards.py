"""Shards of `mw-corpus` (schemas/corpus.md): reading, writing (tests only) and batching."""
from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAGIC = b"MWC1"
VERSIONS = (2, 3)  # 3 brought the claims
HEADER = 64
NO_CHANNEL = 0xFF
# name, type, shape after [windows]; "rows" is replaced by the group's row count.
CLAIMS: tuple[tuple[str, str, tuple], ...] = (
    ("claims", "<u4", (4,)),
    ("event_claims", "u1", ()),
)
BEFORE_CLAIMS: tuple[tuple[str, str, tuple], ...] = (
    ("code", "<u2", ("rows", 20, 10)),
    ("verdict", "u1", ()),
    ("fault", "u1", ()),
    ("severity", "u1", ()),
    ("onset", "u1", ()),
    ("channels", "u1", (4,)),
    ("patch", "u1", ("rows", 16)),
    ("effect", "<f4", ()),
    ("move", "i1", (4,)),
    ("proof", "u1", (4,)),
)
AFTER_CLAIMS: tuple[tuple[str, str, tuple], ...] = (
    ("machine", "u1", ()),
    ("series", "<u4", ()),
)


def arrays_of(version: int) -> tuple[tuple[str, str, tuple], ...]:
    return BEFORE_CLAIMS + (CLAIMS if version >= 3 else ()) + AFTER_CLAIMS


@dataclass
class Group:
    """Windows of equal row count; arrays by the names of schemas/corpus.md, windows first, and
    `claims_known`: older shards say nothing of claims, which then are none."""

    rows: int
    data: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.data["verdict"])

    def take(self, index: np.ndarray) -> "Group":
        return Group(self.rows, {name: array[index] for name, array in self.data.items()})


def _group_shape(shape: tuple, rows: int, windows: int) -> tuple[int, ...]:
    return (windows, *(rows if size == "rows" else size for size in shape))


def read_shard(path: Path) -> list[Group]:
    """Maps one shard of any version; the arrays stay on disk until they are used."""
    raw = np.memmap(path, np.uint8, "r")
    magic, version, _, n_groups = struct.unpack("<4sIQI", raw[:20].tobytes())
    if magic != MAGIC or version not in VERSIONS:
        raise ValueError(f"{path}: not a shard of version {' or '.join(map(str, VERSIONS))}")
    groups, at = [], HEADER
    for _ in range(n_groups):
        rows, windows = struct.unpack("<II", raw[at : at + 8].tobytes())
        at += HEADER
        data = {}
        for name, kind, shape in arrays_of(version):
            full = _group_shape(shape, rows, windows)
            size = int(np.prod(full)) * np.dtype(kind).itemsize
            if at + size > len(raw):
                raise ValueError(f"{path}: cut off in a group of {rows} rows")
            data[name] = raw[at : at + size].view(kind).reshape(full)
            at += size + (-size % 8)
        for name, kind, shape in CLAIMS:
            data.setdefault(name, np.zeros(_group_shape(shape, rows, windows), kind))
        data["claims_known"] = np.full(windows, version >= 3)
        groups.append(Group(rows, data))
    return groups


def write_shard(
    path: Path, groups: Iterable[Group], seed: int, version: int = VERSIONS[-1]
) -> None:
    groups = list(groups)
    with path.open("wb") as file:
        file.write(struct.pack("<4sIQI", MAGIC, version, seed, len(groups)).ljust(HEADER, b"\0"))
        for group in groups:
            file.write(struct.pack("<II", group.rows, len(group)).ljust(HEADER, b"\0"))
            for name, kind, _ in arrays_of(version):
                raw = group.data[name].astype(kind).tobytes()
                file.write(raw + b"\0" * (-len(raw) % 8))


def merge(groups: Iterable[Group]) -> dict[int, Group]:
    """Groups of several shards joined by row count."""
    by_rows: dict[int, list[Group]] = {}
    for group in groups:
        by_rows.setdefault(group.rows, []).append(group)
    join = lambda same, name: np.concatenate([group.data[name] for group in same])  # noqa: E731
    return {
        rows: Group(rows, {name: join(same, name) for name in same[0].data})
        for rows, same in by_rows.items()
    }


def cut_rows(group: Group, channels: int, rng: np.random.Generator) -> Group:
    """The asset's row and at most so many channel rows of each window: those that are named, then any.
    A row keeps its code, and no row reads another channel's: what is true of it stays true."""
    if group.rows - 1 <= channels:
        return group
    named, every = group.data["channels"], np.arange(len(group))
    rank = 1 + rng.random((len(group), group.rows))
    rank[:, 0] = -1.0
    for place in range(named.shape[1]):
        known = named[:, place] != NO_CHANNEL
        rank[every[known], named[known, place]] = place / named.shape[1]
    kept = np.sort(np.argsort(rank, axis=1)[:, : channels + 1], axis=1)
    cut = {name: group.data[name][every[:, None], kept] for name in ("code", "patch")}
    return Group(channels + 1, group.data | cut)


def cuts(count: int, size: int) -> list[slice]:
    """Slices of `size` that cover `count`; a last one of less than half joins the one before."""
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] < size / 2:
        starts.pop()
    return [slice(at, end) for at, end in zip(starts, starts[1:] + [count])]


def batches(groups: Iterable[Group], positions: int, rng: np.random.Generator) -> Iterator[Group]:
    """Every window once, in random batches of one row count and about `positions` positions."""
    merged, order = merge(groups), []
    for rows, group in merged.items():
        shuffled = rng.permutation(len(group))
        size = max(8, positions // (rows * 20 + 10))
        order += [(rows, shuffled[cut]) for cut in cuts(len(group), size)]
    for i in rng.permutation(len(order)):
        rows, index = order[i]
        yield merged[rows].take(index)


class Pool:
    """The shards of a folder, fewest visits first; files that appear later join in.  Of `count`
    readers each takes every count-th file, or all of them where there are too few."""

    def __init__(
        self, folder: Path, pattern: str, at_once: int, rank: int = 0, count: int = 1
    ) -> None:
        self.folder, self.pattern, self.at_once = folder, pattern, at_once
        self.rank, self.count = rank, count
        self.visits: dict[str, int] = {}

    def names(self) -> list[str]:
        names = sorted(path.name for path in self.folder.glob(self.pattern))
        if not names:
            raise FileNotFoundError(f"no {self.pattern} in {self.folder}")
        return names[self.rank :: self.count] if len(names) >= self.count else names

    def draw(self, rng: np.random.Generator) -> list[Group]:
        names = self.names()
        rng.shuffle(names)
        chosen = sorted(names, key=lambda name: self.visits.get(name, 0))[: self.at_once]
        for name in chosen:
            self.visits[name] = self.visits.get(name, 0) + 1
        return [group for name in chosen for group in read_shard(self.folder / name)]
