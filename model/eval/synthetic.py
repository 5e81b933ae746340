"""Sealed simulated machines, through `millwright replay`: drawn as the corpus draws them, from seeds
that no training uses (seeds.py).  Choose nothing by these figures.
"""
from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model.eval.baselines import filled
from model.eval.detection import EVIDENCE, SCORE, baseline_value, evidence_note, evidence_value, of
from model.eval.harness import PATCH, WINDOW, Brief, Context, Table
from model.eval.metrics import auroc, bootstrap
from model.eval.seeds import SEALED
from model.eval.truth import BANDS, Truth, Window, band_name, row_of

METHODS = ("robust z, max", "PCA T2+Q", "CVA")  # the forest would take an hour
KEEP = 200  # series whose other detectors are run as well
ROUNDS = 200
ENOUGH = 5  # alarms, for a share to be worth asking for


@dataclass
class Raised:
    """An alarm and what was true of the window that it was raised on."""

    event: dict
    onset: int  # patch of the window that the alarm says, before: below 0
    truth: Window | None
    operates: bool


@dataclass
class Series:
    """Per window (one a patch, after learning): what was true and what was said."""

    info: dict
    peak: float
    effect: np.ndarray
    now: np.ndarray
    operates: np.ndarray
    verdict: list[str]
    value: dict[str, np.ndarray]
    raised: list[Raised] = field(default_factory=list)

    @property
    def fault(self) -> str:
        kinds = [one for one in self.info["injections"] if one["kind"] != "operation"]
        return kinds[0]["fault"] if kinds else "none"


def make_series(context: Context, first_seed: int) -> tuple[Path, list[dict]]:
    folder = context.work / "series"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([context.build / "mw-series", "--out", folder, "--first-seed", str(first_seed),
                    "--count", str(context.series)], check=True)  # fmt: skip
    lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return folder, [json.loads(line) for line in lines]


def raised_of(truth: Truth, event: dict) -> Raised:
    period = truth.info["period_s"]
    patch = min(row_of(event["raised"], period) // PATCH, truth.patches - 1)
    first = patch * PATCH + PATCH - WINDOW
    onset = (row_of(event["onset"], period) - first) // PATCH
    if event["onset_before_window"]:
        onset = -1
    return Raised(event, onset, truth.window(patch), bool(truth.operates[patch]))


def read_series(context: Context, folder: Path, info: dict, others: bool) -> Series:
    table = folder / f"{info['seed']}.csv"
    learn = info["learn"]
    options = ["--learn", str(learn), "--type", info["machine"], "--period", str(info["period_s"])]
    replay = context.replay(table, options)
    truth = Truth.read(info, folder / f"{info['seed']}.truth.csv")
    patch = np.arange(learn // PATCH + 1, truth.patches)  # windows that end after learning
    rows = patch * PATCH + PATCH - 1
    value = {SCORE: replay.score}
    value[EVIDENCE] = evidence_value(context, table, options, replay, learn)
    if others:
        values = filled(np.genfromtxt(table, delimiter=",", skip_header=1).reshape(
            len(replay.score), -1))  # fmt: skip
        value |= {name: baseline_value(name, values, learn) for name in METHODS}
    return Series(
        info, truth.peak, truth.window_effect[patch], truth.now_effect[patch],
        truth.operates[patch], [replay.verdict[row] for row in rows],
        {name: part[rows] for name, part in value.items()},
        [raised_of(truth, event) for event in replay.raised()],
    )  # fmt: skip


def read_all(context: Context, first_seed: int = SEALED) -> list[Series]:
    context.progress(f"synthetic: {context.series} series from seed {first_seed}")
    folder, index = make_series(context, first_seed)
    every = max(1, len(index) // KEEP)
    work = [(i, info) for i, info in enumerate(index)]
    series = context.map(lambda job: read_series(context, folder, job[1], job[0] % every == 0),
                         work, "synthetic")  # fmt: skip
    shutil.rmtree(folder)
    return series


# --- how well it is seen -------------------------------------------------------------------------


def pooled(series: list[Series], name: str) -> np.ndarray:
    return np.concatenate([getattr(one, name) for one in series])


def scores(series: list[Series], method: str) -> np.ndarray:
    return np.concatenate([one.value[method] for one in series])


def is_healthy(series: list[Series]) -> np.ndarray:
    """Windows in which neither fault nor operation shows."""
    return (pooled(series, "effect") == 0) & ~pooled(series, "operates")


def band_auroc(series: list[Series], method: str, band, which: str) -> float:
    """Windows whose effect lies in the band against healthy ones."""
    effect, value = pooled(series, which), scores(series, method)
    ill = (effect >= band[0]) & (effect < band[1])
    both = ill | is_healthy(series)
    return auroc(value[both], ill[both])


def fault_auroc(series: list[Series], method: str) -> dict[str, float]:
    """Per fault: windows in which it is above 8 noise units now, against healthy ones."""
    value, gross = scores(series, method), pooled(series, "now") >= BANDS[-1][0]
    fault = np.concatenate([np.full(len(one.verdict), one.fault) for one in series])
    healthy = value[is_healthy(series)]
    out = {}
    for code in np.unique(fault):
        ill = value[gross & (fault == code)]
        label = np.r_[np.zeros(len(healthy)), np.ones(len(ill))]
        out[str(code)] = auroc(np.r_[healthy, ill], label)
    return out


def seen_table(series: list[Series], which: str, title: str) -> Table:
    """AUROC by realised effect, of the detectors that were run on all of the series."""
    methods = [name for name in (SCORE, EVIDENCE, *METHODS)
               if all(name in one.value for one in series)]  # fmt: skip
    effect = pooled(series, which)
    rows = []
    for band in BANDS:
        count = int(((effect >= band[0]) & (effect < band[1])).sum())
        rows.append([band_name(*band), count,
                     *(band_auroc(series, name, band, which) for name in methods)])  # fmt: skip
    return Table(title, ["effect, noise units", "windows", *methods], rows)


def lead_table(series: list[Series]) -> Table:
    rows = []
    for band in BANDS:
        def lead(pick: np.ndarray) -> float:
            chosen = [series[i] for i in pick]
            return band_auroc(chosen, SCORE, band, "now") - band_auroc(chosen, EVIDENCE, band, "now")

        rows.append([band_name(*band), str(bootstrap(len(series), lead, ROUNDS))])
    return Table(f"Score minus evidence alone, AUROC now, series resampled {ROUNDS} times",
                 ["effect", "lead"], rows)  # fmt: skip


# --- what it is called ---------------------------------------------------------------------------


def verdict_table(series: list[Series]) -> Table:
    """Verdicts of windows at the default p-value, by what was true."""
    said = np.array([verdict for one in series for verdict in one.verdict])
    effect, operates = pooled(series, "effect"), pooled(series, "operates")
    groups = [("normal", (effect == 0) & ~operates), ("operation", operates)]
    groups += [(f"fault, {band_name(*band)}", (effect >= band[0]) & (effect < band[1]))
               for band in BANDS]  # fmt: skip
    names = ("normal", "operation", "fault", "unknown")
    rows = []
    for name, group in groups:
        share = [100 * float((said[group] == verdict).mean()) for verdict in names]
        rows.append([name, int(group.sum()), *share])
    columns = ["true", "windows", *(f"said {name}, %" for name in names)]
    return Table("Verdicts of windows at the default p <= 0.002", columns, rows, digits=2)


def share(values) -> float | None:
    values = list(values)
    return 100 * float(np.mean(values)) if values else None


def named(raised: Raised) -> list[str]:
    return [one["channel"] for one in raised.event["channels"]]


def first_true(series: list[Series]) -> list[Raised]:
    """Of each series the first alarm on a window in which a fault shows."""
    found = ([one for one in s.raised if one.truth] for s in series)
    return [alarms[0] for alarms in found if alarms]


def naming_row(alarms: list[Raised]) -> list:
    inside = [a for a in alarms if a.truth.onset >= 0]
    return [
        share(a.event["fault"] == a.truth.fault for a in alarms),
        share(named(a)[:1] == a.truth.channels[:1] for a in alarms),
        share(bool(named(a)) and named(a)[0] in a.truth.channels for a in alarms),
        share(abs(a.onset - a.truth.onset) <= 1 for a in inside),
        share(a.event["severity"] == a.truth.severity for a in alarms),
    ]


def naming_table(series: list[Series]) -> Table:
    alarms = first_true(series)
    rows = []
    for band in BANDS:
        faulty = [one for one in series if band[0] <= one.peak < band[1]]
        caught = share(any(a.truth for a in one.raised) for one in faulty)
        here = [a for a in alarms if band[0] <= a.truth.effect < band[1]]
        rows.append([band_name(*band), len(faulty), caught, len(here), *naming_row(here)])
    columns = ["effect", "series, by peak", "alarm raised, %", "alarms, by window", "fault right",
               "first channel right", "first channel affected", "onset within a patch",
               "severity right"]  # fmt: skip
    notes = ["An alarm is held against what was true of the window it was raised on, in %. First "
             "channel right: the first by cause; affected: any channel that carries the fault. "
             "Onset: of alarms whose onset lies in the window. Default settings."]  # fmt: skip
    return Table("First true alarm of a series: is it raised, is it right?", columns, rows, notes,
                 digits=1)  # fmt: skip


def class_table(series: list[Series]) -> Table:
    """Names per fault, above 2 and above 8 noise units at the alarm."""
    rows = []
    alarms = first_true(series)
    seen, evident = fault_auroc(series, SCORE), fault_auroc(series, EVIDENCE)
    for fault in sorted({one.fault for one in series} - {"none"}):
        strong = [one for one in series if one.fault == fault and one.peak >= 8]
        mine = [a for a in alarms if a.truth.fault == fault]
        wrong = Counter(a.event["fault"] for a in mine if a.event["fault"] != fault)
        gross = [a.event["fault"] == fault for a in mine if a.truth.effect >= 8]
        clear = [a.event["fault"] == fault for a in mine if a.truth.effect >= 2]
        rows.append([fault, len(strong), seen[fault], evident[fault],
                     share(any(a.truth for a in s.raised) for s in strong),
                     len(clear), share(clear), len(gross), share(gross),
                     " ".join(name for name, _ in wrong.most_common(2))])  # fmt: skip
    columns = ["fault", "series, peak 8 or more", "AUROC, score", "AUROC, evidence",
               "alarm raised, %", "alarms at 2 or more",
               "name right, %", "alarms at 8 or more", "name right, %", "taken for"]  # fmt: skip
    rows = [[round(v, 1) if isinstance(v, float) and k > 3 else v for k, v in enumerate(row)]
            for row in rows]  # fmt: skip
    return Table("By fault", columns, rows, ["AUROC: windows above 8 noise units now."])


def false_table(series: list[Series]) -> Table:
    false = [a for one in series for a in one.raised if not a.truth]
    windows = sum(len(one.verdict) for one in series)
    operating = [one for one in series if one.operates.any()]
    alarmed = [one for one in operating if any(a.operates and not a.truth for a in one.raised)]
    rows = [
        ["series", len(series)],
        ["windows judged", windows],
        ["alarms raised", sum(len(one.raised) for one in series)],
        ["of them while no fault shows in the window", len(false)],
        ["of these, in an operation", sum(a.operates for a in false)],
        ["series with an operation", len(operating)],
        ["of them with an alarm in it, %", share(one in alarmed for one in operating)],
    ]
    return Table("Alarms", ["", "count"], rows, digits=1)


def evaluate(context: Context) -> list[Table]:
    series = read_all(context)
    context.progress("synthetic: figures")
    now = seen_table(series, "now", "AUROC, by the effect in the newest two patches (8 rows)")
    now.notes.append(evidence_note(context))
    now.notes.append(
        f"{len(series)} series drawn as the training corpus, seeds from {SEALED}; each learns "
        "its own first 256 to 448 rows. Noise unit: `model/corpus/README.md`. Against windows in "
        "which neither fault nor operation shows."
    )
    whole = seen_table(series, "effect", "AUROC, by the effect anywhere in the window (64 rows)")
    some = [one for one in series if METHODS[0] in one.value]
    beside = seen_table(some, "now", f"The first table on the {len(some)} series that the other "
                        "detectors were run on")  # fmt: skip
    verdicts, naming = verdict_table(series), naming_table(series)
    classes = class_table(series)
    gross = band_name(*BANDS[-1])
    shares = [row[-2] for row in classes.rows if row[-3] >= ENOUGH]
    now.brief = [
        Brief("score, AUROC, effect 4 to 8", of(now, band_name(*BANDS[-2]), SCORE), least=0.95),
        Brief("score, AUROC, effect above 8", of(now, gross, SCORE), least=0.99),
        Brief("fault named rightly above 8, %", of(naming, gross, "fault right"), least=85),
        Brief(f"the same, worst fault of {ENOUGH} alarms or more, %", min(shares, default=None), least=60),
        Brief("first channel right above 8, %", of(naming, gross, "first channel right"), least=92),
        Brief("onset within a patch above 8, %", of(naming, gross, "onset within a patch"),
              least=80),
        Brief("windows of operations called faults, %", of(verdicts, "operation", "said fault, %"),
              most=5),
    ]  # fmt: skip
    first = [now, beside] if len(some) < len(series) else [now]
    return [*first, whole, lead_table(series), verdicts, naming, classes,
            false_table(series)]  # fmt: skip
