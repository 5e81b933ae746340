"""Healthy machines past their learn segment: the constants of the judge's population tails (`population` of
gateway/core/judge.c).

    /usr/bin/python3 -m model.eval.healthy [--machines 117] [--first-seed 8000] [--model FILE]

Each machine learns 400 rows and is watched for 3,600; nothing is injected, loads and set points move as they
like.  Of each view: `from`, above which lie 1 % of the windows, and `mean`, so that windows whose p-value is the
budget's (MW_JUDGE_BUDGET_P over the number of views) come as alarms BUDGET / views times a day at one row a second.
"""
from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from model.eval.calibration import LEARN, MACHINES, ROWS, ROWS_A_DAY
from model.eval.harness import PATCH, WINDOW

SHARE = 0.01
BUDGET_P = 0.002  # MW_JUDGE_BUDGET_P
BUDGET = 2.0  # alarms a day
ON_WINDOWS = 2  # alarm.on_windows
QUIET = 16  # windows after which the next exceedance is another alarm
TAIL_MIN, TAIL_MAX = 0.15, 0.4  # EVIDENCE_TAIL_MIN, EVIDENCE_TAIL_MAX


def table(path: Path) -> dict[str, np.ndarray]:
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name != "time"}


def in_own_tail(value: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """(x - from) / mean of the asset's own tail, as gateway/core/judge.c fits it."""
    start = np.quantile(learnt, 0.8)
    over = learnt[learnt > start] - start
    return (value - start) / min(max(over.mean() if len(over) else 0.0, TAIL_MIN), TAIL_MAX)


def watch(args: argparse.Namespace, work: Path, index: int) -> dict[str, np.ndarray]:
    """Views per watched window."""
    machine, name = MACHINES[index % len(MACHINES)], f"m{index}"
    seed = str(args.first_seed + index)
    subprocess.run([args.binary, "simulate", "--quiet", "--machine", f"{name}={machine}", "--seed", seed, "--rows",
                    str(ROWS), "--learn", str(LEARN), "--csv", work], check=True)  # fmt: skip
    evidence = work / f"{name}.evidence"
    command = [args.binary, "replay", "--csv", work / f"{name}.csv", "--time", "time", "--type", machine, "--learn",
               str(LEARN), "--quiet", "--evidence", evidence]  # fmt: skip
    subprocess.run(command + (["--model", args.model] if args.model else []), check=True)
    seen = table(evidence)
    rows, learnt = slice(LEARN + PATCH - 1, None, PATCH), slice(WINDOW - 1, LEARN, PATCH)
    return {"fused": seen["fused"][rows], "heads": (seen["asset_head"] + seen["channel_head"])[rows],
            "evidence": in_own_tail(seen["evidence"][rows], seen["evidence"][learnt])}  # fmt: skip


def alarms(value: np.ndarray, limit: float) -> int:
    """An alarm takes ON_WINDOWS windows in a row."""
    over = np.lib.stride_tricks.sliding_window_view(value > limit, ON_WINDOWS).all(axis=1)
    at = np.flatnonzero(over)
    return int(len(at) > 0) + int((np.diff(at) > QUIET).sum())


def limit_of(values: list[np.ndarray], wanted: float) -> float:
    """The lowest limit with no more than `wanted` alarms in all."""
    low, high = np.quantile(np.concatenate(values), 0.5), max(value.max() for value in values)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(alarms(v, middle) for v in values) > wanted else (low, middle)
    return float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=117)
    parser.add_argument("--first-seed", type=int, default=8000)
    parser.add_argument("--binary", default="build/millwright")
    parser.add_argument("--model")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(lambda i: watch(args, Path(scratch), i), range(args.machines)))
    days = args.machines * (ROWS - LEARN) / ROWS_A_DAY
    for view in seen[0]:
        values = [views[view] for views in seen]
        start = float(np.quantile(np.concatenate(values), 1 - SHARE))
        limit = limit_of(values, BUDGET / len(seen[0]) * days)
        mean = (limit - start) / np.log(SHARE / (BUDGET_P / len(seen[0])))
        print(f"{view:9s} from {start:6.2f} mean {mean:.3f} (budget's limit {limit:.2f})")


if __name__ == "__main__":
    main()
