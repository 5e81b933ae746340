"""Seen before: is the nearest earlier event of a machine of the same fault?  Simulated machines to
which the same few faults happen again and again, through `millwright replay`.

Every machine has up to four of its process faults and two sensor faults, each on a channel of its
own, three times, in any order, each time of another strength and length.  Same means: the same fault
and, of sensor faults, the same channel.  The embedding (gateway/core/embedding.h) was chosen on
other machines (seeds.py); choose nothing by these figures.
"""
from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from model.eval.harness import Brief, Context, Table
from model.eval.seeds import HISTORIES

MACHINES = ("pump", "compressor", "fan", "motor", "gearbox", "conveyor", "spindle", "hydraulic",
            "exchanger", "furnace", "tank", "chiller")  # fmt: skip
SENSOR = ("spike", "dropout", "stuck", "bias", "drift", "noise", "saturation", "unit_error", "lag")
PROCESS = (
    "leak", "blockage", "cavitation", "bearing_wear", "imbalance", "misalignment", "looseness",
    "lubrication_loss", "belt_slip", "cooling_loss", "fouling", "overload", "phase_loss",
    "valve_stuck", "valve_leak", "hunting", "dry_run", "air_ingress", "tool_wear", "heater_failure",
    "filter_clogging", "speed_loss",
)  # fmt: skip
EACH = 4  # histories of a machine
TIMES = 3  # that each fault happens
N_PROCESS, N_SENSOR = 4, 2
LEARN, FIRST, APART = 448, 480, 320  # rows
LINGER_S = 20  # an alarm may come so late after the fault's end
START = "2026-01-01T00:00:00Z"


@dataclass
class Event:
    """A raised event and the fault that was behind it."""

    event: dict
    injection: int
    fault: tuple[str, str]


@dataclass
class Query:
    """An event that had others before it."""

    machine: str
    has_same: bool  # one of them is of the same fault
    chance: float  # share of those that are
    shown: bool
    right: bool
    named: bool  # the newest one of the same name on the same channel is right


def simulate(context: Context, folder: Path, machine: str, seed: int, faults: list[str],
             rows: int) -> bool:  # fmt: skip
    command = [context.build / "millwright", "simulate", "--machine", f"m={machine}", "--seed",
               str(seed), "--rows", str(rows), "--learn", str(LEARN), "--start", START, "--quiet",
               "--csv", folder, "--truth", folder / "truth.jsonl"]  # fmt: skip
    for fault in faults:
        command += ["--fault", f"m:{fault}"]
    return subprocess.run(command, capture_output=True).returncode == 0


def can_have(context: Context, folder: Path, machine: str, fault: str) -> bool:
    out = folder / f"can-{machine}-{fault}"
    out.mkdir()
    return simulate(context, out, machine, HISTORIES, [f"{fault}:{FIRST}:{FIRST + 64}:0.5"], 640)


def plan(rng: random.Random, faults: list[str], channels: int) -> list[str]:
    process = rng.sample(faults, min(N_PROCESS, len(faults)))
    sensor = [(fault, rng.randrange(channels)) for fault in rng.sample(SENSOR, N_SENSOR)]
    happens = ([(fault, -1) for fault in process] + sensor) * TIMES
    rng.shuffle(happens)
    out = []
    for i, (fault, channel) in enumerate(happens):
        first = FIRST + i * APART + rng.randrange(60)
        last = first + rng.randrange(96, 160)
        out.append(f"{fault}:{first}:{last}:{rng.uniform(0.4, 1):.2f}:{channel}")
    return out


def seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def events_of(raised: list[dict], truth: list[dict]) -> list[Event]:
    """The alarms that a fault is behind, in order."""
    out = []
    for event in raised:
        at = seconds(event["raised"])
        for number, one in enumerate(truth):
            if not seconds(one["from"]) <= at < seconds(one["to"]) + LINGER_S:
                continue
            if one["proof"] != "none":  # it shows
                channel = one["channels"][0] if one["fault"] in SENSOR else ""
                out.append(Event(event, number, (one["fault"], channel)))
            break
    return out


def queries_of(machine: str, events: list[Event]) -> list[Query]:
    """Earlier alarms of the very same occurrence say nothing: they are passed over."""
    by_id = {one.event["id"]: one for one in events}
    out = []
    for i, event in enumerate(events):
        past = [one for one in events[:i] if one.injection != event.injection]
        if not past:
            continue
        same = [one.fault == event.fault for one in past]
        shown = [by_id[one["id"]] for one in event.event["similar"] if one["id"] in by_id]
        shown = [one for one in shown if one.injection != event.injection]
        named = [one for one in past if (one.event["fault"], one.event["channel"])
                 == (event.event["fault"], event.event["channel"])]  # fmt: skip
        out.append(Query(machine, any(same), float(np.mean(same)), bool(shown),
                         bool(shown) and shown[0].fault == event.fault,
                         bool(named) and named[-1].fault == event.fault))  # fmt: skip
    return out


def read_history(context: Context, folder: Path, machine: str, seed: int,
                 faults: list[str]) -> list[Query]:  # fmt: skip
    out = folder / f"{machine}-{seed}"
    out.mkdir()
    if not simulate(context, out, machine, seed, [], FIRST):
        raise RuntimeError(f"{machine}: the simulator refused")
    with open(out / "m.csv", encoding="utf-8") as table:
        channels = len(table.readline().split(",")) - 1
    happens = plan(random.Random(seed), faults, channels)
    if not simulate(context, out, machine, seed, happens, FIRST + len(happens) * APART + 64):
        raise RuntimeError(f"{machine}: the simulator refused {happens}")
    options = ["--time", "time", "--learn", str(LEARN), "--type", machine, "--quiet"]
    replay = context.replay(out / "m.csv", options)
    lines = (out / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    return queries_of(machine, events_of(replay.raised(), [json.loads(line) for line in lines]))


def read_all(context: Context, first_seed: int = HISTORIES, each: int = EACH) -> list[list[Query]]:
    folder = context.work / "histories"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pairs = [(machine, fault) for machine in MACHINES for fault in PROCESS]
    can = context.map(lambda pair: can_have(context, folder, *pair), pairs, "similar: faults")
    faults = defaultdict(list)
    for (machine, fault), ok in zip(pairs, can):
        if ok:
            faults[machine].append(fault)
    work = [(machine, first_seed + i * len(MACHINES) + k)
            for i in range(each) for k, machine in enumerate(MACHINES)]  # fmt: skip
    histories = context.map(lambda job: read_history(context, folder, *job, faults[job[0]]), work,
                            "similar: histories")  # fmt: skip
    shutil.rmtree(folder)
    return histories


def share(values) -> float | None:
    values = list(values)
    return 100 * float(np.mean(values)) if values else None


def row_of(name: str, queries: list[Query]) -> list:
    again = [one for one in queries if one.has_same]
    first = [one for one in queries if not one.has_same]
    return [name, len(again), share(one.right for one in again),
            share(one.right for one in again if one.shown), share(one.chance for one in again),
            share(one.named for one in again), len(first), share(one.shown for one in first)]  # fmt: skip


def evaluate(context: Context) -> list[Table]:
    histories = read_all(context)
    queries = [one for history in histories for one in history]
    rows = [row_of("all", queries)]
    rows += [row_of(name, [q for q in queries if q.machine == name]) for name in MACHINES]
    good = [share(q.right for q in history if q.has_same) for history in histories]
    good = [value for value in good if value is not None]
    table = Table(
        "Seen before: the nearest earlier event of the machine",
        ["machine", "events whose fault came before", "nearest is of the same fault, %",
         "the same of those shown, %", "by chance, %", "newest of the same name and channel, %",
         "events whose fault is new", "one is shown all the same, %"],
        rows,
        [f"{len(histories)} machines from seed {HISTORIES}, each with up to {N_PROCESS + N_SENSOR} "
         f"faults {TIMES} times. Same: the same fault, of sensor faults on the same channel. "
         "Nothing shown counts as wrong in the third column.",
         f"Histories with at least half of their events right: "
         f"{sum(value >= 50 for value in good)} of {len(good)}."],
        digits=1,
    )  # fmt: skip
    table.brief = [Brief("nearest past event of the same fault first, %", rows[0][2], least=80)]
    return [table]
