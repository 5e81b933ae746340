"""A miniature of the whole way: shards, training in two sittings, evaluation, export to int8."""
from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

import torch

import fixture
from model.train.evaluate import evaluate, load_model
from model.train.export import export
from model.train.layout import read_layout
from model.train.setup import DEFAULT_CONFIG, load_checkpoint, read_setup
from model.train.train import run

DESCRIBE = Path(os.environ["MW_DESCRIBE"])
STEPS = 160


def small_config(folder: Path) -> Path:
    config = json.loads(DEFAULT_CONFIG.read_text(encoding="utf-8"))
    config |= {"describe": str(DESCRIBE), "shards": str(folder), "checkpoints": str(folder / "run")}
    config.pop("start_from", None)  # it learns from nothing, or it shows nothing
    config["model"] |= {"width": 64, "layers": 1, "heads": 2, "kv_heads": 1, "ffn": 64}
    config["data"] |= {"positions_per_batch": 3000, "words_alone": {"channels": 1, "normal": 0.2}}
    config["optimiser"] |= {"steps": STEPS, "warmup_steps": 20, "ema": 0.97, "log_steps": 20}
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


class Pipeline(unittest.TestCase):
    def test_a_small_model_learns_resumes_and_survives_int8(self):
        with tempfile.TemporaryDirectory() as name:
            folder, layout = Path(name), read_layout(DESCRIBE)
            fixture.make_shard(folder / "train-1.mwc", layout, 300, seed=1)
            fixture.make_shard(folder / "validation-1.mwc", layout, 60, seed=900001)
            setup = read_setup(small_config(folder))
            setup.config["optimiser"]["steps"] = STEPS // 2
            half = load_checkpoint(run(setup, resume=False), setup)[1]["progress"]
            setup.config["optimiser"]["steps"] = STEPS
            model, saved = load_checkpoint(run(setup, resume=True), setup)
            self.assertGreater(saved["progress"]["step"], half["step"])
            self.assertEqual(saved["progress"]["curve"][: len(half["curve"])], half["curve"])
            figures = evaluate(model, setup, "validation", 180)
            self.assertGreater(figures["patch_auroc_asset"], 0.98)
            self.assertGreater(figures["patch_auroc_channel"], 0.98)
            self.assertGreater(figures["verdict_right"], 0.9)
            export(model, layout, setup.wording.words, folder / "small.gguf")
            shipped = load_model(folder / "small.gguf", setup)
            shipped.quantised.on = True
            int8 = evaluate(shipped, setup, "validation", 180)
            self.assertGreater(int8["patch_auroc_asset"], figures["patch_auroc_asset"] - 0.01)
            self.assertGreater(int8["verdict_right"], figures["verdict_right"] - 0.03)


if __name__ == "__main__":
    torch.set_num_threads(2)
    unittest.main()
