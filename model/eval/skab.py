"""SKAB valve1: a water loop whose valves are closed during the run; 400 rows of each file learnt."""
from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from model.eval.detection import EVIDENCE, SCORE, Run, detection_table, evidence_note, lead_table
from model.eval.detection import measure, of, parts
from model.eval.harness import Brief, Context, Table
from model.eval.metrics import flagged_counts
from model.eval.split import HALVES, half_of_skab

LEARN = 400
LABELS = ("anomaly", "changepoint")
OPTIONS = ["--delimiter", ";", "--time", "datetime", "--ignore", ",".join(LABELS),
           "--learn", str(LEARN), "--type", "pump"]  # fmt: skip
LEVELS = (0.002, 0.01)


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Readings and label per row."""
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter=";"))
    names = [name for name in rows[0] if name != "datetime" and name not in LABELS]
    values = np.array([[float(row[name] or "nan") for name in names] for row in rows])
    return values, np.array([float(row["anomaly"]) for row in rows])


def files(context: Context) -> list[Path]:
    return sorted((context.data / "skab" / "valve1").glob("*.csv"), key=lambda path: int(path.stem))


def runs(context: Context) -> list[Run]:
    def one(path: Path) -> Run:
        values, label = read(path)
        return measure(context, path.stem, path, OPTIONS, values, label, LEARN)

    return context.map(one, files(context), "SKAB")


def shipped_table(measured: list[Run]) -> Table:
    """What an operator gets without a threshold of his own."""
    label = np.concatenate([run.label[LEARN:] for run in measured])
    p_value = np.concatenate([run.replay.p_value[LEARN:] for run in measured])
    rows = []
    for level in LEVELS:
        at = flagged_counts(p_value <= level, label)
        rows.append([f"p <= {level:g}", at["F1"], *(round(at[k], 1) for k in ("FAR", "MAR", "J"))])
    alarms = [len(run.replay.raised()) for run in measured]
    note = f"Alarms raised at the default p <= 0.002: {sum(alarms)} in {len(alarms)} files"
    note += f", none in {sum(n == 0 for n in alarms)} of them; each file holds one anomaly."
    return Table("As shipped: rows at or below a p-value", ["rule", "F1", "FAR %", "MAR %", "J"],
                 rows, [note])  # fmt: skip


def halves_table(measured: list[Run]) -> Table:
    """Each half at its own learn rows' threshold."""
    rows, columns = [], []
    for half in HALVES:
        table = detection_table([run for run in measured if half_of_skab(run.name) == half], half)
        columns = ["half", *table.columns]
        rows += [[half, *row] for row in table.rows if row[0] in (SCORE, EVIDENCE)]
    return Table("Development and scored half (model/eval/split.py)", columns, rows)


def evaluate(context: Context) -> list[Table]:
    measured = runs(context)
    title = f"SKAB valve1, {len(measured)} files, {LEARN} rows learnt, the rest pooled"
    first = detection_table(measured, title)
    first.notes.append(evidence_note(context))
    first.notes.append(
        "One threshold for all files, the 99 % quantile of all learn rows' held-out values. "
        "`J, hindsight` is the best J of any threshold: it tells ranking from threshold and is "
        "nobody's result. Best published on all 34 files: Conv-AE F1 .78, FAR 13.6, MAR 28.0, "
        "J 58.4; these 16 files are another set."
    )
    first.brief = [
        Brief("score, J", of(first, SCORE, "J"), least=64),
        Brief("score, F1", of(first, SCORE, "F1"), least=0.83),
        Brief("score, FAR %", of(first, SCORE, "FAR %"), most=22),
        Brief("evidence alone, AUROC", of(first, EVIDENCE, "AUROC"), least=0.89),
        Brief("evidence alone, J", of(first, EVIDENCE, "J"), least=58),
    ]
    single = detection_table(parts(measured), "Statistics one by one (`replay --evidence`)")
    return [first, halves_table(measured), lead_table(measured, "files"), shipped_table(measured), single]
