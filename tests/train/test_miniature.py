"""The whole way in small, by the commands of model/train/README.md, on windows of mw-corpus: a seed is
grown into a teacher, the teacher is pruned into a student and teaches it, the student learns to live
with int8, its file is read by the C engine.  What has not learnt fails every bar."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.train.evaluate import auroc, evaluate, groups_of, load_model
from model.train.export import load_exported
from model.train.layout import NONE_CODE, NORMAL, Layout
from model.train.model import Millwright
from model.train.setup import DEFAULT_CONFIG, Setup, make_model, merged, read_setup
from model.train.shards import Group, read_shard

BUILD = Path(os.environ["MW_BUILD"])
WINDOWS, SHARDS, JUDGED, BY_ENGINE = 4000, 2, 700, 60
TEACHER = {"width": 64, "layers": 2, "heads": 4, "kv_heads": 2, "ffn": 128}
STUDENT = {"width": 64, "layers": 1, "heads": 2, "kv_heads": 1, "ffn": 96}
SEED = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "ffn": 64}
FROM_TEACHER = {"teacher": "teacher", "share": 0.5, "temperature": 2.0}
# At least so much (at most, of a loss) of a trained model, on windows of unseen series.
BARS = {"patch_auroc_channel": 0.78, "patch_auroc_asset": 0.68, "window_auroc": 0.65}
ABOVE_ALWAYS_NORMAL = 0.03  # share of verdicts right, beyond what "normal" gets right everywhere
BAR_LOSS = 0.22
INT8_LOSES, PRUNING_LOSES, VERDICTS_LOSE = 0.02, 0.03, 0.05


def budget(steps: int, rate: float, quantised_from: float = 1.0) -> dict[str, Any]:
    return {
        "steps": steps, "learning_rate": rate, "warmup_steps": 10, "ema": 0.98, "log_steps": 20,
        "quantised_from": quantised_from,
    }  # fmt: skip


def stages() -> dict[str, Any]:
    return {
        "seed": {"model": SEED, "optimiser": budget(200, 4e-3)},
        "teacher": {"start_from": "seed", "model": TEACHER, "optimiser": budget(300, 3e-3)},
        "small": {
            "start_from": "teacher", "model": STUDENT, "loss": {"distil": FROM_TEACHER},
            "optimiser": budget(160, 2e-3),
        },
        "small-int8": {
            "like": "small", "start_from": "small", "optimiser": budget(40, 5e-4, 0.0),
            "card": {"name": "Millwright miniature", "file": "miniature", "before": "small"},
        },
    }  # fmt: skip


def write_config(folder: Path) -> Path:
    config = json.loads(DEFAULT_CONFIG.read_text(encoding="utf-8"))
    del config["start_from"], config["stages"]
    place = {"describe": "describe.json", "shards": "shards", "runs": "runs"}
    config = merged(config, {key: str(folder / name) for key, name in place.items()})
    over = {
        "replicas": 1, "threads": 1, "prune_batches": 8, "stages": stages(),
        "corpus": {"windows": WINDOWS}, "data": {"positions_per_batch": 3000, "text_share": 0.05},
        "evaluate": {"windows": JUDGED},
    }  # fmt: skip
    path = folder / "config.json"
    path.write_text(json.dumps(merged(config, over)), encoding="utf-8")
    return path


def command(module: str, *arguments: object) -> str:
    line = [sys.executable, "-m", f"model.train.{module}", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(line)}: {done.stderr}")
    return done.stdout


def prompt_text(group: Group, window: int, layout: Layout) -> str:
    """A window as `millwright lm logits` reads it."""
    question = [layout.table("ask"), layout.table("en")]
    positions = [*group.data["code"][window].reshape(-1, layout.slots).tolist(), question]
    return "\n".join(
        " ".join(str(code) for code in position if code != NONE_CODE) or "-" for position in positions
    )


def by_engine(model: Path, group: Group, windows: int, layout: Layout) -> np.ndarray:
    """Patch logits of the channel rows, [windows, rows - 1, patches], from the C engine."""
    said = []
    for window in range(windows):
        line = [BUILD / "millwright", "lm", "logits", model, "--json"]
        text = prompt_text(group, window, layout)
        done = subprocess.run(line, input=text, capture_output=True, text=True, check=True)
        rows = json.loads(done.stdout)
        said.append([list(rows[f"row_{row}"].values()) for row in range(1, group.rows)])
    return np.array(said)


class Miniature(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.kept.name)
        cls.config = write_config(cls.folder)
        shared = ("--config", cls.config)
        program = ("--program", BUILD / "mw-corpus")
        command("generate", *shared, *program, "--role", "train", "--count", SHARDS)
        command("generate", *shared, *program, "--role", "validation")
        for stage in stages():
            command("train", stage, *shared)
        command("card", "small-int8", *shared, "--out", cls.folder)
        cls.figures = json.loads((cls.folder / "runs/small-int8/figures.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.kept.cleanup()

    def setup_of(self, stage: str) -> Setup:
        return read_setup(self.config, stage)

    @staticmethod
    def share_of_normal(setup: Setup) -> float:
        verdicts = [group.data["verdict"] for group in groups_of(setup, "validation", JUDGED)]
        return float((np.concatenate(verdicts) == NORMAL).mean())

    def curve(self, stage: str) -> list[dict[str, float]]:
        lines = (self.folder / "runs" / stage / "curve.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def near(self, figures: dict[str, Any], aim: dict[str, Any], loses: float) -> None:
        for name in ("patch_auroc_asset", "patch_auroc_channel"):
            self.assertGreater(figures[name], aim[name] - loses)
        self.assertGreater(figures["verdict_right"], aim["verdict_right"] - VERDICTS_LOSE)

    def test_the_student_passes_every_bar_and_an_untrained_one_none(self):
        setup = self.setup_of("small")
        fresh: Millwright = make_model(setup, 7)
        untrained = evaluate(fresh, setup, "validation", JUDGED)
        bars = BARS | {"verdict_right": self.share_of_normal(setup) + ABOVE_ALWAYS_NORMAL}
        for name, bar in bars.items():
            with self.subTest(name):
                self.assertGreater(self.figures["int8"][name], bar)
                self.assertLess(untrained[name], bar)

    def test_losses_fall_below_the_bar_that_they_begin_above(self):
        curve = self.curve("seed")
        self.assertGreater(curve[0]["channel"], BAR_LOSS)
        self.assertLess(curve[-1]["channel"], BAR_LOSS)

    def test_growth_keeps_what_the_seed_had_learnt(self):
        self.assertLess(self.curve("teacher")[0]["channel"], self.curve("seed")[1]["channel"])

    def test_the_pruned_student_comes_near_its_teacher(self):
        setup = self.setup_of("teacher")
        teacher = evaluate(load_model(setup.source("teacher"), setup), setup, "validation", JUDGED)
        self.near(self.figures["fp32"], teacher, PRUNING_LOSES)
        curve = self.curve("small")
        self.assertLess(curve[-1]["soft_answer"], curve[0]["soft_answer"])

    def test_int8_costs_little(self):
        for column in ("int8_after", "int8"):
            self.near(self.figures[column], self.figures["fp32"], INT8_LOSES)

    def test_the_engine_reads_the_file_as_the_trainer_does(self):
        setup = self.setup_of("small-int8")
        group = read_shard(next(setup.folder("shards").glob("validation-*.mwc")))[2]
        said = by_engine(self.folder / "miniature.gguf", group, BY_ENGINE, setup.layout)
        model, _ = load_exported(self.folder / "miniature.gguf")
        model.quantised.on = True
        with torch.no_grad():
            codes = torch.from_numpy(group.data["code"][:BY_ENGINE].astype(np.int64))
            expected = model.read_rows(codes)[1].numpy()
        self.assertLess(np.abs(said - expected).max(), 0.05)
        truth = group.data["patch"][:BY_ENGINE, 1:].astype(bool)
        self.assertGreater(auroc(said.ravel(), truth.ravel()), BARS["patch_auroc_channel"])

    def test_the_card_tells_where_the_weights_come_from(self):
        card = (self.folder / "miniature.md").read_text(encoding="utf-8")
        for text in ("# Millwright miniature", "Apache-2.0", "grown", "pruned", "| teacher |"):
            self.assertIn(text, card)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
