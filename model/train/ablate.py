"""What each part is worth: the variants of ablations.json, each trained from the same seed on the
same batches for the same number of steps, and read off the validation shards.

`python3 -m model.train.ablate [--only VARIANT-SEED]`; a run that has its result is skipped, one that
was stopped goes on from its last checkpoint.
"""
from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import torch

from model.train.evaluate import evaluate
from model.train.replicas import Replicas
from model.train.setup import Setup, load_checkpoint, make_model, setup_of
from model.train.train import train

PLAN = Path(__file__).with_name("ablations.json")
RESULT = "result.json"


def merged(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`config` with `changes` laid over it, table by table."""
    out = dict(config)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if both else value
    return out


@dataclass
class Run:
    """One variant with one seed."""

    variant: str
    seed: int
    config: dict[str, Any]
    forms: list[str]  # read off in fp32, with int8 imitated

    @property
    def name(self) -> str:
        return f"{self.variant}-{self.seed}"

    @property
    def folder(self) -> Path:
        return Path(self.config["checkpoints"])


def read_plan(path: Path, changes: dict[str, Any]) -> tuple[dict[str, Any], list[Run]]:
    plan = merged(json.loads(path.read_text(encoding="utf-8")), changes)
    base = json.loads(Path(plan["config"]).read_text(encoding="utf-8"))
    base = merged(base, plan["common"])
    return plan, [run for run in runs_of(plan, base)]


def runs_of(plan: dict[str, Any], base: dict[str, Any]) -> Iterator[Run]:
    for variant, entry in plan["variants"].items():
        for seed in entry["seeds"]:
            place = {"seed": seed, "checkpoints": f"{plan['folder']}/{variant}-{seed}"}
            config = merged(merged(base, entry.get("set", {})), place)
            yield Run(variant, seed, config, entry.get("forms", ["fp32"]))


def train_run(setup: Setup) -> Path:
    """Trains in this process and returns the checkpoint."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    model = make_model(setup, setup.config["seed"])
    n_values = sum(p.numel() for p in model.parameters())
    return train(setup, model, Replicas(1, n_values), True)


def measure(run: Run, windows: int) -> dict[str, Any]:
    """Trains a run, or what is left of it, and takes its figures."""
    setup, started = setup_of(run.config), time.process_time()
    path = train_run(setup)
    seconds = time.process_time() - started
    model, saved = load_checkpoint(path, setup)
    result: dict[str, Any] = {"variant": run.variant, "seed": run.seed}
    result |= {key: saved["progress"][key] for key in ("step", "windows", "positions")}
    result["cpu_seconds"] = seconds  # of this process: less where the run was resumed
    result["parameters"] = sum(p.numel() for p in model.parameters())
    for form in run.forms:
        model.quantised.on = form == "int8"
        result[form] = evaluate(model, setup, "validation", windows)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, default=PLAN)
    parser.add_argument("--only", help="VARIANT-SEED")
    parser.add_argument("--set", type=json.loads, default={}, help="changes of the plan, JSON")
    arguments = parser.parse_args()
    plan, runs = read_plan(arguments.plan, arguments.set)
    for run in runs:
        path = run.folder / RESULT
        if path.exists() or arguments.only not in (None, run.name):
            continue
        print(run.name, flush=True)
        text = json.dumps(measure(run, plan["windows"]), indent=1)
        path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
