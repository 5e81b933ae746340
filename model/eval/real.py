"""Real machines: runs `millwright replay` over the recorded sets and prints detection figures.

    /usr/bin/python3 model/eval/real.py DATA_DIR [--binary build/millwright] [--model FILE] [--set skab|tep]

SKAB (valve1): the first 400 rows of each file are learnt, the rest is scored.  TEP: learnt from the normal
training run, false alarms fixed at 1 % on the normal test run.  Thresholds never see a scored row.
"""
from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from metrics import auroc, counts

LEARN_SKAB = 400
EVIDENCE = ["asset_head", "channel_head", "t2", "q", "dynamic", "mewma", "max_z", "max_static", "max_dynamic", "fused"]


def replay(args: argparse.Namespace, table: Path, extra: list[str]) -> tuple[np.ndarray, dict[str, np.ndarray], str]:
    """Scores and components per row, and the summary line."""
    with tempfile.TemporaryDirectory() as scratch:
        scores, evidence = Path(scratch, "scores.csv"), Path(scratch, "evidence.csv")
        command = [args.binary, "replay", "--csv", str(table), "--scores", str(scores), "--evidence", str(evidence), *extra]
        if args.model:
            command += ["--model", args.model]
        done = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
        with open(scores) as handle:
            score = np.array([float(row["score"]) for row in csv.DictReader(handle)])
        with open(evidence) as handle:
            rows = list(csv.DictReader(handle))
        parts = {name: np.array([float(row[name]) for row in rows]) for name in EVIDENCE}
    return score, parts, done.stderr.strip().splitlines()[-1]


def centred(value: np.ndarray, learn: int) -> np.ndarray:
    """A single statistic made comparable over files: centred and scaled on its own learn rows."""
    healthy = value[64:learn]
    middle = np.median(healthy)
    return (value - middle) / max(np.quantile(healthy, 0.9) - middle, 0.5)


def skab(args: argparse.Namespace) -> None:
    names = ["score", *EVIDENCE]
    pooled: dict[str, list[np.ndarray]] = {name: [] for name in names}
    learnt: dict[str, list[np.ndarray]] = {name: [] for name in names}
    labels: list[np.ndarray] = []
    for table in sorted(Path(args.data, "skab", "valve1").glob("*.csv"), key=lambda p: int(p.stem)):
        with open(table) as handle:
            label = np.array([float(row["anomaly"]) for row in csv.DictReader(handle, delimiter=";")])
        score, parts, line = replay(args, table, ["--delimiter", ";", "--time", "datetime", "--ignore",
                                                  "anomaly,changepoint", "--learn", str(LEARN_SKAB), "--type", "pump"])
        if args.verbose:
            print(line, f"AUROC {auroc(score[LEARN_SKAB:], label[LEARN_SKAB:]):.3f}")
        labels.append(label[LEARN_SKAB:])
        for name in names:
            value = score if name == "score" else parts[name] if name == "fused" else centred(parts[name], LEARN_SKAB)
            pooled[name].append(value[LEARN_SKAB:])
            learnt[name].append(value[64:LEARN_SKAB])
    label = np.concatenate(labels)
    print("SKAB valve1, 16 files, threshold = 99 % quantile of the learn rows' held-out values, one for all files")
    print(f"{'statistic':14s} AUROC    F1     FAR    MAR      J")
    for name in names:
        threshold = float(np.quantile(np.concatenate(learnt[name]), 0.99))
        score = np.concatenate(pooled[name])
        at = counts(score, label, threshold)
        print(f"{name:14s} {auroc(score, label):.4f} {at['F1']:.3f} {at['FAR']:6.1f} {at['MAR']:6.1f} {at['J']:6.1f}")
    for against in ("max_dynamic", "dynamic"):
        bootstrap(pooled, learnt, labels, against)


def bootstrap(pooled: dict[str, list[np.ndarray]], learnt: dict[str, list[np.ndarray]], labels: list[np.ndarray],
              against: str, rounds: int = 500) -> None:
    """95 % interval of the score's lead over one statistic, files resampled (seed fixed)."""
    rng = np.random.default_rng(1)
    lead_auroc, lead_j = [], []
    thresholds = {name: float(np.quantile(np.concatenate(learnt[name]), 0.99)) for name in ("score", against)}
    for _ in range(rounds):
        pick = rng.integers(len(labels), size=len(labels))
        label = np.concatenate([labels[i] for i in pick])
        ours, theirs = (np.concatenate([pooled[name][i] for i in pick]) for name in ("score", against))
        lead_auroc.append(auroc(ours, label) - auroc(theirs, label))
        lead_j.append(counts(ours, label, thresholds["score"])["J"] - counts(theirs, label, thresholds[against])["J"])
    for what, lead in (("AUROC", lead_auroc), ("J", lead_j)):
        low, high = np.quantile(lead, [0.025, 0.975])
        print(f"score - {against}: {what} {np.mean(lead):+.4f} [{low:+.4f}, {high:+.4f}]")


def tep_table(rows: np.ndarray, path: Path) -> None:
    with open(path, "w") as handle:
        handle.write(",".join(f"x{i + 1}" for i in range(rows.shape[1])) + "\n")
        for row in rows:
            handle.write(",".join(f"{value:.9g}" for value in row) + "\n")


def tep(args: argparse.Namespace) -> None:
    base = Path(args.data, "tep")
    normal = np.loadtxt(base / "d00.dat")
    normal = normal.T if normal.shape[0] == 52 else normal
    names = ["score", *EVIDENCE]
    results: dict[str, dict[str, np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch, "tep.csv")
        for test in sorted(base.glob("d*_te.dat")):
            tep_table(np.vstack([normal, np.loadtxt(test)]), table)
            score, parts, line = replay(args, table, ["--learn", str(len(normal)), "--period", "180", "--type", "tank"])
            if args.verbose:
                print(line)
            results[test.stem] = {"score": score[len(normal):], **{n: parts[n][len(normal):] for n in EVIDENCE}}
    faults = [name for name in results if name != "d00_te"]
    print("TEP, detection rate (%) over rows 160-959 at 1 % false alarms on d00_te")
    print(f"{'statistic':14s} " + " ".join(f"{name[1:3]:>6s}" for name in faults) + "   mean without 3")
    for name in names:
        threshold = float(np.quantile(results["d00_te"][name], 0.99))
        rates = {fault: 100 * float((results[fault][name][160:] > threshold).mean()) for fault in faults}
        mean = np.mean([rate for fault, rate in rates.items() if fault != "d03_te"])
        print(f"{name:14s} " + " ".join(f"{rates[fault]:6.1f}" for fault in faults) + f"   {mean:6.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--binary", default="build/millwright")
    parser.add_argument("--model")
    parser.add_argument("--set", choices=["skab", "tep"])
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    for name, evaluate in (("skab", skab), ("tep", tep)):
        if args.set in (None, name):
            evaluate(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
