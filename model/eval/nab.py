"""NAB machine temperature: one channel every 5 minutes for 79 days, four labelled failures.

Learnt: NAB's probationary rows (750), which NAB leaves unscored.  NAB optimises a threshold over its
whole corpus; on this one file that is hindsight, for every detector alike, and it is said so.
"""
from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.eval.detection import EVIDENCE, SCORE, Run, detection_table, evidence_note, measure
from model.eval.detection import lead_table, of, parts, threshold
from model.eval.harness import Brief, Context, Table
from model.eval.nab_score import NabScore, Windows, optimised, probation_rows, score_at

FILE = "machine_temperature_system_failure.csv"
PUBLISHED = [["ARTime", 2.56], ["earthgecko", 1.40], ["HTM", 1.36], ["RCF", -2.12], ["null", -4.0]]
P_RAISE = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 1e-4, 1e-5, 1e-6)
DEFAULT_P = 0.002
REST = 288  # rows (a day) without an alarm after one, for the variant that alerts once


@dataclass
class Recording:
    time: list[str]
    values: np.ndarray
    windows: Windows


def read(context: Context) -> Recording:
    base = context.data / "nab"
    with open(base / FILE, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    time = [row["timestamp"] for row in rows]
    spans = json.loads((base / "windows.json").read_text(encoding="utf-8"))
    (labelled,) = [spans[key] for key in spans if key.endswith(FILE)]
    place = {at: row for row, at in reversed(list(enumerate(time)))}
    windows = tuple((place[a.split(".")[0]], place[b.split(".")[0]]) for a, b in labelled)
    return Recording(time, np.array([[float(row["value"])] for row in rows]), windows)


def first_rows(flagged: np.ndarray, rest: int) -> np.ndarray:
    """The first flagged row of each stretch: nothing more until `rest` quiet rows have passed."""
    out = np.zeros(len(flagged), dtype=bool)
    last = -rest - 1
    for row in np.flatnonzero(flagged):
        out[row] = row - last > rest
        last = row
    return out


def edges_optimised(score: np.ndarray, windows: Windows) -> NabScore:
    """As `optimised`, for alarms that tell once."""
    levels = np.unique(np.quantile(score[probation_rows(len(score)) :], np.linspace(0.8, 1, 400)))
    tried = [(score_at(first_rows(score >= level, REST), windows), level) for level in levels]
    best, level = max(tried, key=lambda pair: pair[0].score)
    best.threshold = float(level)
    return best


def alarm_table(context: Context, path: Path, options: list[str], recording: Recording) -> Table:
    """The product as it alerts: a detection is the row at which an alarm is raised."""

    def at(level: float) -> NabScore:
        replay = context.replay(path, [*options, "--p-raise", repr(level)])
        flagged = np.zeros(len(recording.time), dtype=bool)
        flagged[replay.alarm_rows()] = True
        return score_at(flagged, recording.windows)

    scored = dict(zip(P_RAISE, context.map(at, P_RAISE, "NAB, alarms")))
    best = max(scored, key=lambda level: scored[level].score)
    count = len(recording.windows)
    rows = [score_row(f"best --p-raise ({best:g}), hindsight", scored[best], count),
            score_row(f"default --p-raise ({DEFAULT_P:g})", scored[DEFAULT_P], count)]  # fmt: skip
    return Table("Alarms as detections (the row at which one is raised)", COLUMNS, rows, digits=2)


def score_row(name: str, scored: NabScore, windows: int) -> list:
    return [name, round(scored.score, 2), f"{scored.found} of {windows}", scored.false_rows,
            round(scored.false_cost, 2)]  # fmt: skip


COLUMNS = ["detector", "raw score", "windows found", "false rows", "their cost"]


def score_tables(run: Run, recording: Recording) -> list[Table]:
    windows = recording.windows
    hindsight, own, once = [], [], []
    for method, value in run.value.items():
        hindsight.append(score_row(method, optimised(value, windows), len(windows)))
        limit = threshold([run], method)
        own.append(score_row(method, score_at(value > limit, windows), len(windows)))
        once.append(score_row(method, edges_optimised(value, windows), len(windows)))
    return [
        Table("Raw NAB score, standard profile, threshold optimised on the file as NAB does",
              COLUMNS, hindsight,
              ["Published, raw, on this file: " + ", ".join(f"{n} {s}" for n, s in PUBLISHED)
               + ". Their threshold was optimised over NAB's whole corpus, ours over one file."],
              digits=2),
        Table("The same at a threshold fixed in advance (99 % quantile of the learn rows)",
              COLUMNS, own, digits=2),
        Table("The same for alarms that tell once (then silence until a day without), hindsight",
              COLUMNS, once,
              ["NAB charges every false row: a detector that stays high pays for each of them."],
              digits=2),
    ]  # fmt: skip


def one_by_one(run: Run, windows: Windows) -> Table:
    rows = []
    for name, value in parts([run])[0].value.items():
        rows.append([name, optimised(value, windows).score, edges_optimised(value, windows).score])
    return Table("Statistics one by one (`replay --evidence`), raw score in hindsight",
                 ["statistic", "rows", "alarms that tell once"], rows, digits=2)  # fmt: skip


def window_table(run: Run, recording: Recording) -> Table:
    """How high each labelled failure stands above everything that lies outside."""
    start = probation_rows(len(recording.time))
    outside = np.ones(len(recording.time), dtype=bool)
    outside[:start] = False
    for first, last in recording.windows:
        outside[first : last + 1] = False
    rows = []
    for first, last in recording.windows:
        row = [recording.time[first][:10]]
        for method in (SCORE, EVIDENCE):
            value = run.value[method]
            peak = value[first : last + 1].max()
            row += [float(peak), 100 * float((value[outside] >= peak).mean())]
        rows.append(row)
    columns = ["window from", "score, peak", "outside as high, %", "evidence, peak",
               "outside as high, %"]  # fmt: skip
    return Table("What limits it: peak in each window, and how many rows outside reach it",
                 columns, rows)  # fmt: skip


def evaluate(context: Context) -> list[Table]:
    recording = read(context)
    learn = probation_rows(len(recording.time))
    options = ["--time", "timestamp", "--learn", str(learn)]
    label = np.zeros(len(recording.time))
    for first, last in recording.windows:
        label[first : last + 1] = 1
    path = context.data / "nab" / FILE
    context.progress("NAB: replay and the other detectors")
    run = measure(context, FILE, path, options, recording.values, label, learn)
    context.progress("NAB: scores")
    tables = score_tables(run, recording)
    tables[0].notes.append(evidence_note(context))
    tables[0].brief = [Brief("score, raw NAB score", of(tables[0], SCORE, "raw score"), least=1.4)]
    plain = detection_table([run], f"Rows, {learn} learnt, the rest scored")
    lead = lead_table([run], "days", REST)
    alarms = alarm_table(context, path, options, recording)
    return [tables[0], alarms, *tables[1:], window_table(run, recording), plain, lead,
            one_by_one(run, recording.windows)]  # fmt: skip
