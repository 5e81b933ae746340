"""One rule for every detector: smoothing, centring, threshold, figures.

Smoothing: a statistic's mean over each patch of 4 rows, as log2, through an EWMA of weight 0.3 (what
replay does to its own); a row has the value of the newest patch that had ended.  Centring: minus the
median, over the distance to the 90 % quantile, of the run's own learn rows (from row 64 on).  Of two
statistics (T2, Q) the larger counts.  Threshold: the 99 % quantile over all learn rows of a set.
The product's score is comparable between machines by itself and is taken as it is.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from model.eval import baselines
from model.eval.harness import NO_MODEL, PATCH, WINDOW, Context, Replay, Table
from model.eval.metrics import Interval, auprc, auroc, best_j, bootstrap, counts, vus_pr

SMOOTHING = 0.3
LEARN_QUANTILE = 0.99
FLOOR_LOG2 = 0.5  # a quiet statistic's spread must not turn rounding into an anomaly
FLOOR_FOREST = 0.02  # the forest's score is no ratio
SCORE, EVIDENCE = "score", "evidence alone"
FUSED = "fused"  # of --evidence: calibrated already
EVIDENCE_COLUMN = "dynamic"  # where the binary cannot go without a model


@dataclass
class Run:
    """One recording: every detector's value per row, learn rows held out."""

    name: str
    learn: int
    label: np.ndarray
    value: dict[str, np.ndarray]
    replay: Replay

    def watched(self, method: str) -> np.ndarray:
        return self.value[method][self.learn :]

    def learnt(self, method: str) -> np.ndarray:
        return self.value[method][WINDOW : self.learn]


def held(per_patch: np.ndarray, rows: int) -> np.ndarray:
    """Patch k ends with row 4 k + 3; rows before the first patch have its value."""
    at = np.clip((np.arange(rows) + 1) // PATCH - 1, 0, len(per_patch) - 1)
    return per_patch[at]


def smoothed(statistic: np.ndarray, logarithm: bool) -> np.ndarray:
    patches = len(statistic) // PATCH
    mean = statistic[: patches * PATCH].reshape(patches, PATCH).mean(axis=1)
    if logarithm:
        mean = np.log2(np.maximum(mean, 1e-12))
    state, out = mean[0], np.empty(patches)
    for k, now in enumerate(mean):
        state += SMOOTHING * (now - state)
        out[k] = state
    return held(out, len(statistic))


def centred(value: np.ndarray, learn: int, floor: float = FLOOR_LOG2) -> np.ndarray:
    healthy = value[WINDOW:learn]
    middle = np.median(healthy)
    return (value - middle) / max(float(np.quantile(healthy, 0.9)) - middle, floor)


def baseline_value(name: str, values: np.ndarray, learn: int) -> np.ndarray:
    forest = name == "isolation forest"
    parts = baselines.statistics(baselines.FITS[name], values, learn)
    floor = FLOOR_FOREST if forest else FLOOR_LOG2
    return np.max([centred(smoothed(p, not forest), learn, floor) for p in parts], axis=0)


def evidence_value(context: Context, table, options: list[str], replay: Replay, learn: int):
    """Of `--model none`, or, where the binary has no such thing, one statistic of --evidence."""
    if context.has_evidence_alone:
        return context.replay(table, options, NO_MODEL).score
    return centred(replay.evidence[EVIDENCE_COLUMN], learn)


def evidence_note(context: Context) -> str:
    if context.has_evidence_alone:
        return "Evidence alone: `millwright replay --model none`."
    return f"Evidence alone: the statistic `{EVIDENCE_COLUMN}` of `millwright replay --evidence`."


def measure(context: Context, name: str, table, options: list[str], values: np.ndarray,
            label: np.ndarray, learn: int, methods: Sequence[str] = tuple(baselines.FITS)) -> Run:
    """All detectors over one recording."""
    replay = context.replay(table, options)
    value = {SCORE: replay.score}
    value[EVIDENCE] = evidence_value(context, table, options, replay, learn)
    for method in methods:
        value[method] = baseline_value(method, values, learn)
    return Run(name, learn, np.asarray(label, dtype=float), value, replay)


def threshold(runs: Sequence[Run], method: str) -> float:
    return float(np.quantile(np.concatenate([run.learnt(method) for run in runs]), LEARN_QUANTILE))


def of(table: Table, row: str, column: str):
    """A table's cell, by the names of row and column."""
    (found,) = [one for one in table.rows if one[0] == row]
    return found[table.columns.index(column)]


def detection_table(runs: Sequence[Run], title: str) -> Table:
    """Every detector over the pooled watched rows."""
    labels = [run.label[run.learn :] for run in runs]
    label = np.concatenate(labels)
    rows = []
    for method in runs[0].value:
        parts = [run.watched(method) for run in runs]
        score = np.concatenate(parts)
        at = counts(score, label, threshold(runs, method))
        rows.append([method, auroc(score, label), auprc(score, label), vus_pr(parts, labels),
                     at["F1"], round(at["FAR"], 1), round(at["MAR"], 1), round(at["J"], 1),
                     round(best_j(score, label), 1)])  # fmt: skip
    columns = ["detector", "AUROC", "AUPRC", "VUS-PR", "F1", "FAR %", "MAR %", "J", "J, hindsight"]
    return Table(title, columns, rows)


def parts(runs: Sequence[Run]) -> list[Run]:
    """The same runs, with every statistic of `replay --evidence` as a detector of its own."""
    return [
        Run(run.name, run.learn, run.label,
            {name: value if name == FUSED else centred(value, run.learn)
             for name, value in run.replay.evidence.items()}, run.replay)
        for run in runs
    ]  # fmt: skip


def lead_table(runs: Sequence[Run], unit: str, block: int | None = None) -> Table:
    """Score minus evidence, recordings (or their blocks of so many rows) resampled; the thresholds
    stay."""

    def pieces(part: np.ndarray) -> list[np.ndarray]:
        return [part] if block is None else np.split(part, np.arange(block, len(part), block))

    limit = {method: threshold(runs, method) for method in (SCORE, EVIDENCE)}
    label = [piece for run in runs for piece in pieces(run.label[run.learn :])]
    value = {m: [piece for run in runs for piece in pieces(run.watched(m))] for m in limit}

    def lead(figure) -> Interval:
        def of(pick: np.ndarray) -> float:
            truth = np.concatenate([label[i] for i in pick])
            ours, theirs = (figure(m, np.concatenate([value[m][i] for i in pick]), truth)
                            for m in (SCORE, EVIDENCE))  # fmt: skip
            return ours - theirs

        return bootstrap(len(label), of)

    rows = [
        ["AUROC", str(lead(lambda m, s, y: auroc(s, y)))],
        ["AUPRC", str(lead(lambda m, s, y: auprc(s, y)))],
        ["J", str(lead(lambda m, s, y: counts(s, y, limit[m])["J"]))],
    ]
    title = f"Score minus evidence alone, 95 % interval, {unit} resampled 500 times"
    return Table(title, ["figure", "lead"], rows)
