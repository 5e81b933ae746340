"""Healthy machines past their learn segment: what the judge's population tails (gateway/core/judge.c) come from,
and how often a healthy machine is called ill.

    /usr/bin/python3 model/eval/healthy.py [--machines 54] [--first-seed 100] [--model FILE] [--work DIR]

Each machine: 400 rows learnt, 1200 rows watched, nothing injected; loads and set points move as they like.
"""
from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
from pathlib import Path

import numpy as np

TYPES = ["pump", "compressor", "conveyor", "other", "exchanger", "tank", "fan", "motor", "hydraulic"]
VIEWS = {"fused": 0.01, "asset_head": 0.01, "channel_head": 0.01, "evidence": 0.01}  # share of windows in the tail
LEARN, ROWS, PATCH, WINDOW = 400, 1600, 4, 64


def watch(args: argparse.Namespace, seed: int, work: Path) -> tuple[dict[str, np.ndarray], np.ndarray, int]:
    """Views and p-values per watched window, and the number of false alarms."""
    machine = TYPES[seed % len(TYPES)]
    table = work / f"{seed}.csv"
    if not table.exists():
        subprocess.run([args.binary, "simulate", "--seed", str(seed), "--machine", f"{seed}={machine}", "--rows",
                        str(ROWS), "--csv", str(work), "--quiet"], check=True)
    command = [args.binary, "replay", "--csv", str(table), "--time", "time", "--type", machine, "--quiet", "--scores",
               str(work / "scores.csv"), "--evidence", str(work / "evidence.csv"), "--events", str(work / "events.jsonl")]
    subprocess.run(command + (["--model", args.model] if args.model else []), check=True)
    table_rows = list(csv.DictReader(open(work / "evidence.csv")))
    rows = table_rows[LEARN::PATCH]
    p_value = np.array([float(row["p_value"]) for row in csv.DictReader(open(work / "scores.csv"))])[LEARN::PATCH]
    raised = sum('"transition":"raised"' in line for line in open(work / "events.jsonl"))
    views = {view: np.array([float(row[view]) for row in rows]) for view in VIEWS}
    views["evidence"] = in_own_tail(views["evidence"], [float(row["evidence"]) for row in table_rows[WINDOW:LEARN:PATCH]])
    return views, p_value, raised


def in_own_tail(value: np.ndarray, learnt: list[float]) -> np.ndarray:
    """(x - from) / mean of the asset's own tail, as gateway/core/judge.c fits it."""
    start = np.quantile(learnt, 0.8)
    over = np.array([x - start for x in learnt if x > start])
    return (value - start) / min(max(over.mean() if len(over) else 0.0, 0.15), 0.4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=54)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--binary", default="build/millwright")
    parser.add_argument("--model")
    parser.add_argument("--work")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(args.work or scratch)
        work.mkdir(exist_ok=True)
        seen = [watch(args, seed, work) for seed in range(args.first_seed, args.first_seed + args.machines)]
    for view, share in VIEWS.items():
        value = np.concatenate([views[view] for views, _, _ in seen])
        start = np.quantile(value, 1 - share)
        print(f"{view:13s} share {share} from {start:.2f} mean {(value[value > start] - start).mean():.3f}")
    p_value = np.concatenate([p for _, p, _ in seen])
    for level in (0.1, 0.05, 0.01, 0.002, 0.001, 1e-4):
        print(f"windows with p <= {level}: {(p_value <= level).mean():.5f}")
    ill = sum(raised > 0 for _, _, raised in seen)
    alarms = sum(raised for _, _, raised in seen)
    print(f"{alarms} false alarms on {ill} of {len(seen)} healthy machines, {ROWS - LEARN} rows each")


if __name__ == "__main__":
    main()
