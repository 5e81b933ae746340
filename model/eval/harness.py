"""What the sections share: where things are, `millwright replay` as a function, progress, jobs.

A section is a module with `evaluate(context) -> list[Table]`.  It measures through the binary
alone: a table of rows goes in, scores, evidence and alarms come out.
"""
from __future__ import annotations

import csv
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence, TypeVar

import numpy as np

Item = TypeVar("Item")
Result = TypeVar("Result")

PATCH = 4  # rows between two judgements
WINDOW = 64  # rows of a window
NO_MODEL = "none"  # of --model: the evidence decides alone


@dataclass
class Brief:
    """A figure that something is asked of."""

    figure: str
    value: float | None
    least: float | None = None
    most: float | None = None
    under: float | None = None


@dataclass
class Table:
    """A table of the page.  Cells are text, whole numbers, or floats (shown to `digits`)."""

    title: str
    columns: list[str]
    rows: list[list[Any]]
    notes: list[str] = field(default_factory=list)
    digits: int = 3
    brief: list[Brief] = field(default_factory=list)  # for the page's head


@dataclass
class Replay:
    """What replay said of a table, row by row."""

    score: np.ndarray
    p_value: np.ndarray
    verdict: list[str]
    fault: list[str]
    channel: list[str]
    evidence: dict[str, np.ndarray]
    events: list[dict]
    summary: str

    def raised(self) -> list[dict]:
        return [event for event in self.events if event["transition"] == "raised"]

    def alarm_rows(self) -> np.ndarray:
        """Rows from which on an alarm stands."""
        stands = np.array([bool(fault) for fault in self.fault])
        return np.flatnonzero(stands & ~np.r_[False, stands[:-1]])


_work: tuple[Callable, Sequence] | None = None


def _do(index: int):
    call, items = _work
    return call(items[index])


def _columns(path: Path) -> dict[str, list[str]]:
    with open(path, encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        header = next(reader)
        return dict(zip(header, map(list, zip(*reader))))


@dataclass
class Context:
    data: Path
    build: Path
    model: Path
    faults: Path
    work: Path
    jobs: int = 2
    series: int = 2400  # of the synthetic test
    healthy: int = 120  # machines of the calibration
    has_evidence_alone: bool = False
    started: float = field(default_factory=time.monotonic)

    def progress(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", file=sys.stderr, flush=True)

    def map(self, call: Callable[[Item], Result], items: Sequence[Item], what: str) -> list[Result]:
        """Results in order, `jobs` at a time."""
        global _work
        results: list[Result] = []
        step = max(1, len(items) // 8)
        _work = (call, items)  # inherited by the forked workers: a closure cannot be sent to them
        with multiprocessing.get_context("fork").Pool(self.jobs) as pool:
            for result in pool.imap(_do, range(len(items))):
                results.append(result)
                if len(results) % step == 0 or len(results) == len(items):
                    self.progress(f"{what}: {len(results)} of {len(items)}")
        return results

    def replay(self, table: Path, options: Iterable[str], model: str | None = None) -> Replay:
        """One run of the binary; a failure ends the evaluation with the binary's own words."""
        with tempfile.TemporaryDirectory(dir=self.work) as scratch:
            out = {name: Path(scratch, name) for name in ("scores", "evidence", "events")}
            command = [str(self.build / "millwright"), "replay", "--csv", str(table)]
            command += ["--model", model or str(self.model), "--faults", str(self.faults)]
            for name, path in out.items():
                command += [f"--{name}", str(path)]
            done = subprocess.run(command + list(options), stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
            return self._read(out, done.stderr)

    def explain(self, table: Path, options: Iterable[str], at: float) -> list[str]:
        """Channels by how likely they are the cause, asked at a time."""
        command = [str(self.build / "millwright"), "replay", "--csv", str(table), "--quiet",
                   "--model", str(self.model), "--faults", str(self.faults), "--json",
                   "--explain-at", repr(at)]  # fmt: skip
        done = subprocess.run(command + list(options), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{table.name}: {done.stderr.strip()}")
        return [one["name"] for one in json.loads(done.stdout)["variables"]]

    @staticmethod
    def _read(out: dict[str, Path], said: str) -> Replay:
        scores, evidence = _columns(out["scores"]), _columns(out["evidence"])
        events = out["events"].read_text(encoding="utf-8").splitlines()
        return Replay(
            score=np.array(scores["score"], dtype=float),
            p_value=np.array(scores["p_value"], dtype=float),
            verdict=scores["verdict"], fault=scores["fault"], channel=scores["channel"],
            evidence={k: np.array(v, dtype=float) for k, v in evidence.items() if k != "time"},
            events=[json.loads(line) for line in events],
            summary=said.strip().splitlines()[-1] if said.strip() else "",
        )  # fmt: skip

    def find_evidence_alone(self) -> None:
        """Does this binary know `--model none`?"""
        with tempfile.TemporaryDirectory(dir=self.work) as scratch:
            table = Path(scratch, "probe.csv")
            rows = np.random.default_rng(0).normal(size=300)
            table.write_text("x\n" + "\n".join(f"{value:.6f}" for value in rows) + "\n")
            try:
                self.replay(table, ["--learn", "200", "--quiet"], NO_MODEL)
                self.has_evidence_alone = True
            except RuntimeError:
                self.has_evidence_alone = False


def write_table(values: np.ndarray, path: Path, names: Sequence[str] | None = None) -> None:
    """Rows as a table that replay reads; what is not finite is a missing reading."""
    header = names or [f"x{i + 1}" for i in range(values.shape[1])]
    text = np.char.mod("%.9g", values)
    text[~np.isfinite(values)] = "NaN"
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(",".join(header) + "\n")
        handle.writelines(",".join(row) + "\n" for row in text)
