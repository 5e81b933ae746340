"""Are p-values what they say?  Healthy windows past their learn segment: simulated machines (loads and
set points move as they like), TEP's normal test run, SKAB's rows before and after its anomaly.

One p-value a window (every 4 rows).  Windows overlap and follow each other, so distances are given
without a significance.
"""
from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.eval import skab, tep
from model.eval.detection import of
from model.eval.harness import PATCH, Brief, Context, Table, write_table
from model.eval.metrics import ks_uniform
from model.eval.seeds import HEALTHY

MACHINES = ("pump", "compressor", "fan", "motor", "gearbox", "conveyor", "spindle", "hydraulic",
            "exchanger", "furnace", "tank", "chiller", "other")  # fmt: skip
LEARN, ROWS = 400, 4000
LEVELS = (0.1, 0.05, 0.01, 0.002)
ROWS_A_DAY = 86400  # at 1 Hz


@dataclass
class Healthy:
    """Watched healthy rows of one machine."""

    name: str
    p_value: np.ndarray  # a window
    rows: int
    alarms: int


def simulated(context: Context, folder: Path, index: int) -> Healthy:
    machine = MACHINES[index % len(MACHINES)]
    name = f"m{index}"
    subprocess.run([context.build / "millwright", "simulate", "--quiet", "--machine",
                    f"{name}={machine}", "--seed", str(HEALTHY + index), "--rows", str(ROWS),
                    "--learn", str(LEARN), "--csv", folder], check=True)  # fmt: skip
    table = folder / f"{name}.csv"
    replay = context.replay(table, ["--time", "time", "--type", machine, "--learn", str(LEARN)])
    table.unlink()
    return Healthy(machine, replay.p_value[LEARN + PATCH - 1 :: PATCH], ROWS - LEARN,
                   len(replay.raised()))  # fmt: skip


def simulated_machines(context: Context) -> list[Healthy]:
    folder = context.work / "healthy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = context.map(lambda i: simulated(context, folder, i), range(context.healthy),
                        "healthy machines")  # fmt: skip
    shutil.rmtree(folder)
    return found


def skab_runs(context: Context) -> list[Healthy]:
    """Rows labelled normal from row 400 on to the anomaly; after it the loop is still settling."""

    def one(path: Path) -> Healthy:
        _, label = skab.read(path)
        last = int(np.flatnonzero(np.r_[label[skab.LEARN :], 1] > 0)[0]) + skab.LEARN
        replay = context.replay(path, skab.OPTIONS)
        p_value = replay.p_value[skab.LEARN + PATCH - 1 : last : PATCH]
        alarms = int((replay.alarm_rows() < last).sum())
        return Healthy("SKAB", p_value, last - skab.LEARN, alarms)

    return context.map(one, skab.files(context), "SKAB, healthy rows")


def tep_run(context: Context) -> Healthy:
    base = context.data / "tep"
    normal, test = tep.load(base / "d00.dat"), tep.load(base / f"{tep.NORMAL}.dat")
    table = context.work / "tep_normal.csv"
    write_table(np.vstack([normal, test]), table)
    replay = context.replay(table, ["--learn", str(len(normal)), "--period", "180",
                                    "--type", "tank"])  # fmt: skip
    table.unlink()
    return Healthy("TEP", replay.p_value[len(normal) + PATCH - 1 :: PATCH], len(test),
                   len(replay.raised()))  # fmt: skip


def uniform_row(name: str, runs: list[Healthy]) -> list:
    p_value = np.concatenate([run.p_value for run in runs])
    distance, excess = ks_uniform(p_value)
    return [name, len(p_value), distance, excess,
            *(100 * float((p_value <= level).mean()) for level in LEVELS)]  # fmt: skip


def alarm_row(name: str, runs: list[Healthy]) -> list:
    alarms, rows = sum(run.alarms for run in runs), sum(run.rows for run in runs)
    return [name, len(runs), rows, alarms, sum(run.alarms > 0 for run in runs),
            alarms * ROWS_A_DAY / rows]  # fmt: skip


def evaluate(context: Context) -> list[Table]:
    machines = simulated_machines(context)
    real = skab_runs(context)
    normal = tep_run(context)
    groups = [("simulated, all", machines)]
    groups += [(f"simulated {kind}", [run for run in machines if run.name == kind])
               for kind in MACHINES]  # fmt: skip
    groups = [(name, runs) for name, runs in groups if runs]
    groups += [("SKAB before the anomaly", real), ("TEP normal test run", [normal])]
    columns = ["healthy windows of", "windows", "KS", "most excess below .1"]
    columns += [f"p <= {level:g}, %" for level in LEVELS]
    uniform = Table("P-values of healthy windows", columns,
                    [uniform_row(name, runs) for name, runs in groups],
                    ["A calibrated p-value has KS 0 and the level's own share in each column; the "
                     "excess is the largest surplus of small p-values over their level. "
                     f"Simulated: {LEARN} rows learnt, {ROWS - LEARN} watched, seeds from "
                     f"{HEALTHY}, operations as the machine's day brings them."], digits=2)  # fmt: skip
    alarms = Table("False alarms at default settings",
                   ["machines", "count", "rows watched", "alarms", "machines alarmed",
                    "alarms a day at 1 Hz"],
                   [alarm_row(name, runs) for name, runs in groups],
                   ["A row is a second at 1 Hz, so 86,400 rows are a machine-day; at a slower "
                    "period a day has fewer rows and fewer alarms."], digits=2)  # fmt: skip
    alarms.brief = [
        Brief("alarms a day at 1 Hz, healthy simulated machine (budget 2, factor two)",
              of(alarms, "simulated, all", "alarms a day at 1 Hz"), most=4),
        Brief("windows of healthy simulated machines at p <= 0.01, %",
              of(uniform, "simulated, all", "p <= 0.01, %"), most=2),
    ]  # fmt: skip
    return [uniform, alarms]
