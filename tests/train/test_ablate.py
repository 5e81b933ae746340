"""The ablations' parts, and a plan of two tiny variants from training to the page."""
from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import fixture
from model.train.ablate import PLAN, RESULT, DenseValues, build, complete, export_run
from model.train.ablate import read_plan, read_result
from model.train.ablate_page import write
from model.train.augment import empty_codes
from model.train.evaluate import load_model
from model.train.layout import NONE_CODE, read_layout
from model.train.model import Shape
from model.train.setup import merged, setup_of

DESCRIBE = Path(os.environ["MW_DESCRIBE"])
LAYOUT = read_layout(DESCRIBE)
TINY = {"width": 64, "layers": 1, "heads": 2, "kv_heads": 1, "ffn": 64}


def tiny_plan(folder: Path) -> dict:
    common = {
        "describe": str(DESCRIBE), "shards": str(folder), "model": TINY,
        "optimiser": {"steps": 3, "warmup_steps": 1},
    }  # fmt: skip
    return {"folder": str(folder / "runs"), "windows": 60, "common": common}


class Parts(unittest.TestCase):
    def test_changes_are_laid_over_table_by_table(self):
        found = merged({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}, "c": 6})
        self.assertEqual(found, {"a": {"x": 1, "y": 5}, "b": 3, "c": 6})

    def test_emptied_codes_are_those_named_and_no_others(self):
        codes = np.arange(LAYOUT.n_codes, dtype=np.uint16)
        gone = empty_codes(codes, LAYOUT, ["patch.dynamic", "role:"]) == NONE_CODE
        self.assertEqual(gone.sum(), 2 * 32 + LAYOUT.size("role"))
        for index in np.flatnonzero(gone):
            self.assertTrue(LAYOUT.names[index].startswith(("<patch.dynamic", "<role:")))
        np.testing.assert_array_equal(empty_codes(codes, LAYOUT, []), codes)

    def test_bins_of_a_feature_lie_on_a_line_and_words_do_not(self):
        model = DenseValues(Shape(vocab=LAYOUT.n_codes, width=32), LAYOUT)
        table = model.embedding().detach()
        bins = table[LAYOUT.table("asset") + 32 : LAYOUT.table("asset") + 64]
        bend = (bins[2:] - 2 * bins[1:-1] + bins[:-2]).abs().max()
        self.assertLess(float(bend), 1e-5)
        self.assertGreater(float((bins[1] - bins[0]).abs().max()), 1e-3)
        faults = slice(LAYOUT.table("fault"), LAYOUT.table("severity"))
        self.assertTrue(torch.equal(table[faults], model.token_embd[faults].detach()))


class Plan(unittest.TestCase):
    def test_every_variant_of_the_plan_can_be_built(self):
        _, runs = read_plan(PLAN, {"common": {"describe": str(DESCRIBE), "model": TINY}})
        self.assertEqual(len({run.name for run in runs}), len(runs))
        for run in runs:
            if run.seed == 1:
                build(run, setup_of(run.config))

    def test_two_variants_are_trained_once_and_written_to_the_page(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fixture.make_shard(folder / "train-1.mwc", LAYOUT, 100, seed=1)
            fixture.make_shard(folder / "validation-1.mwc", LAYOUT, 20, seed=900001)
            _, runs = read_plan(PLAN, tiny_plan(folder))
            chosen = [run for run in runs if run.name in ("base-1", "no-dynamic-1")]
            for run in chosen:
                complete(run, None, folder, 60)
            first = [(run.folder / "last.pt").stat().st_mtime_ns for run in chosen]
            for run in chosen:
                complete(run, None, folder, 60)
            self.assertEqual(first, [(r.folder / "last.pt").stat().st_mtime_ns for r in chosen])
            results = [read_result(run) for run in chosen]
            self.assertEqual(results[0]["positions"], results[1]["positions"])
            page = folder / "page.md"
            page.write_text("before\n<!-- reading -->\nold\n<!-- end -->\nafter\n")
            write(page, {"base": "the base", "no-dynamic": "without"}, results)
            text = page.read_text()
            self.assertNotIn("old", text)
            self.assertTrue(text.startswith("before") and text.endswith("after\n"))
            figure = f"{100 * results[1]['fp32']['patch_auroc_asset']:.1f}"
            self.assertIn(f"| without | 1 | {figure} |", text)
            write(page, {}, results[:1])  # the other run's figures stay
            self.assertEqual(page.read_text(), text)
            export_run(chosen[1], folder / "without.gguf")
            shipped = load_model(folder / "without.gguf", setup_of(chosen[1].config))
            at = LAYOUT.names.index("<patch.dynamic:0>")
            self.assertEqual(float(shipped.token_embd[at : at + 64].abs().max()), 0)
            self.assertGreater(float(shipped.token_embd[:at].abs().min(1).values.max()), 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
