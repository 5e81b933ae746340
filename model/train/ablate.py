"""What each part is worth: the variants of ablations.json, each trained on the same batches for the
same number of steps, and read off the validation shards.

`python3 -m model.train.ablate [--only VARIANT-SEED] [--page model/ABLATIONS.md]`; a run that has
its result is skipped, one that was stopped goes on from its last checkpoint.
"""
from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import torch
from torch import Tensor

from model.eval import skab
from model.eval.detection import SCORE, detection_table, parts
from model.eval.detection import Run as Recording
from model.eval.harness import Context
from model.eval.split import HALVES, half_of_skab
from model.train.ablate_page import write
from model.train.augment import BINS, NO_FEATURE, empty_codes, features_of
from model.train.evaluate import evaluate
from model.train.export import export
from model.train.layout import Layout
from model.train.model import Millwright, Shape
from model.train.quant import fake_weight
from model.train.replicas import Replicas
from model.train.setup import LAST, Setup, make_model, make_shape, merged, setup_of
from model.train.train import run as train_setup
from model.train.train import train

PLAN = Path(__file__).with_name("ablations.json")
RESULT = "result.json"


@dataclass
class Run:
    """One variant with one seed."""

    variant: str
    seed: int
    config: dict[str, Any]
    entry: dict[str, Any]  # of the plan

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
            if "from" in entry:
                place["start_from"] = f"{plan['folder']}/{entry['from']}-{seed}/{LAST}"
            config = merged(merged(base, entry.get("set", {})), place)
            yield Run(variant, seed, config, entry)


class DenseValues(Millwright):
    """The value instead of a table: the rows of a feature's bins lie on a line, so that a bin is
    read as its number through a dense projection: the first row plus that many times the second."""

    def __init__(self, shape: Shape, layout: Layout) -> None:
        super().__init__(shape)
        feature = torch.from_numpy(features_of(layout)[: shape.vocab])
        code, binned = torch.arange(shape.vocab), feature != NO_FEATURE
        first = code.clone()
        for one in feature[binned].unique():
            first[feature == one] = code[feature == one].min()
        self.first, self.second = first, torch.where(binned, first + 1, first)
        middle = (BINS - 1) / 2
        value = (code - first - middle) / (middle / 2)
        self.value = torch.where(binned, value, torch.zeros(()))[:, None]

    def embedding(self) -> Tensor:
        table = self.token_embd[self.first] + self.value * self.token_embd[self.second]
        return fake_weight(table) if self.quantised.on else table


def build(run: Run, setup: Setup) -> Millwright:
    if not run.entry.get("dense_values"):
        return make_model(setup, run.seed)
    torch.manual_seed(run.seed)
    return DenseValues(make_shape(setup), setup.layout)


def train_run(run: Run, setup: Setup) -> Path:
    """Trains in this process and returns the checkpoint."""
    if not run.entry.get("dense_values"):
        return train_setup(setup, resume=True)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    model = build(run, setup)
    n_values = sum(p.numel() for p in model.parameters())
    return train(setup, model, Replicas(1, n_values), True)


def export_run(run: Run, path: Path) -> None:
    """The run as a model file: its table as it is used, and zeros for codes that were emptied."""
    setup = setup_of(run.config)
    model = build(run, setup)
    model.load_state_dict(torch.load(run.folder / LAST, map_location="cpu")["ema"])
    codes = np.arange(setup.layout.n_codes, dtype=np.uint16)
    emptied = empty_codes(codes, setup.layout, setup.config["data"].get("empty", [])) != codes
    with torch.no_grad():
        used = model.embedding().clone()
        used[np.flatnonzero(emptied)] = 0
        model.token_embd.copy_(used)
    export(model, setup.layout, setup.wording.words, path, f"ablation {run.name}")


def is_development(file: Path) -> bool:
    return half_of_skab(file.stem) == HALVES[0]


def skab_figures(run: Run, data: Path, build_folder: Path) -> dict[str, dict[str, Any]]:
    """Rows of model.eval's detection tables over the development half, by detector."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work, "model.gguf")
        export_run(run, path)
        context = Context(data, build_folder, path, Path("schemas/faults.cfg"), Path(work), jobs=1)
        recordings = []
        for file in filter(is_development, skab.files(context)):
            _, label = skab.read(file)
            replay = context.replay(file, skab.OPTIONS)
            score = {SCORE: replay.score}
            recordings.append(Recording(file.stem, skab.LEARN, label, score, replay))
    tables = detection_table(recordings, ""), detection_table(parts(recordings), "")
    return {row[0]: dict(zip(table.columns, row)) for table in tables for row in table.rows}


def measure(run: Run, windows: int) -> dict[str, Any]:
    """Trains a run, or what is left of it, and takes its figures."""
    setup, started = setup_of(run.config), time.process_time()
    path = train_run(run, setup)
    seconds = time.process_time() - started
    model, saved = build(run, setup), torch.load(path, map_location="cpu")
    model.load_state_dict(saved["ema"])
    result: dict[str, Any] = {"variant": run.variant, "seed": run.seed}
    result |= {key: saved["progress"][key] for key in ("step", "windows", "positions")}
    result["cpu_seconds"] = seconds  # of this process: less where the run was resumed
    result["parameters"] = sum(p.numel() for p in model.parameters())
    for form in run.entry.get("forms", ["fp32"]):
        model.quantised.on = form == "int8"
        result[form] = evaluate(model, setup, "validation", windows)
    return result


def read_result(run: Run) -> dict[str, Any]:
    return json.loads((run.folder / RESULT).read_text(encoding="utf-8"))


def complete(run: Run, data: Path | None, build_folder: Path, windows: int) -> None:
    """What is missing of the run's result is added."""
    path = run.folder / RESULT
    result = read_result(run) if path.exists() else measure(run, run.entry.get("windows", windows))
    if data and "skab" not in result and run.entry.get("engine", True):
        result["skab"] = skab_figures(run, data, build_folder)
    path.write_text(json.dumps(result, indent=1, default=float) + "\n", encoding="utf-8")
    print(run.name, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, default=PLAN)
    parser.add_argument("--only", help="VARIANT-SEED")
    parser.add_argument("--skab", type=Path, help="folder of data sets: read SKAB with the binary")
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--page", type=Path, help="its tables are written from all results")
    parser.add_argument("--set", type=json.loads, default={}, help="changes of the plan, JSON")
    arguments = parser.parse_args()
    plan, runs = read_plan(arguments.plan, arguments.set)
    for run in runs:
        if arguments.only in (None, run.name):
            complete(run, arguments.skab, arguments.build, plan["windows"])
    if arguments.page:
        texts = {variant: entry["text"] for variant, entry in plan["variants"].items()}
        results = [read_result(run) for run in runs if (run.folder / RESULT).exists()]
        write(arguments.page, texts, results)


if __name__ == "__main__":
    main()
