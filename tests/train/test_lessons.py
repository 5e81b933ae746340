"""What a model is taught beside its labels: a teacher's opinion, rare names, when to say unknown."""
from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import fixture
from model.train.answers import TailWriter, Weights
from model.train.balance import count_faults, fault_weights
from model.train.distil import Distiller, DistilOptions, families
from model.train.layout import FAULT, UNKNOWN, read_layout
from model.train.loss import LossWeights, total
from model.train.model import Millwright, Shape
from model.train.risk import coverage_at, curve, unknown_figures
from model.train.setup import DEFAULT_CONFIG, changed, stage_config
from model.train.shards import read_shard
from model.train.unknown import HeldOut
from model.train.words import Wording

LAYOUT = read_layout(Path(os.environ["MW_DESCRIBE"]))
WORDING = Wording(LAYOUT)
VOCAB = LAYOUT.n_codes + len(WORDING.words)
TINY = Shape(vocab=VOCAB, width=32, layers=1, heads=1, kv_heads=1, ffn=32)


def index(code: str) -> int:
    return LAYOUT.faults.index(code)


class Distilled(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.teacher, self.student = Millwright(TINY), Millwright(TINY)
        self.distiller = Distiller(self.teacher, LAYOUT, DistilOptions("teacher", 0.5, 2.0))
        group = fixture.make_group(LAYOUT, 3, 12, np.random.default_rng(2))
        tail = TailWriter(LAYOUT, WORDING, Weights(1, 1, 1, 1, 1, 1)).tail(group, True, np.random.default_rng(3))
        self.codes = torch.from_numpy(group.data["code"].astype(np.int64))
        self.tail = torch.from_numpy(tail.codes.astype(np.int64))
        self.target, self.weight = torch.from_numpy(tail.target), torch.from_numpy(tail.weight)

    def losses(self, student: Millwright) -> torch.Tensor:
        with torch.no_grad():
            opinion = self.teacher(self.codes, self.tail)
        out = student(self.codes, self.tail)
        return self.distiller.losses(student, out, opinion, self.target, self.weight, 3.0)

    def test_agreement_costs_nothing_and_only_agreement(self):
        twin = Millwright(TINY)
        twin.load_state_dict(self.teacher.state_dict())
        self.assertLess(float(self.losses(twin).abs().max()), 1e-5)
        self.assertGreater(float(self.losses(self.student).min()), 1e-3)

    def test_a_student_without_labels_comes_to_say_what_its_teacher_says(self):
        before = self.losses(self.student).detach()
        optimiser = torch.optim.Adam(self.student.parameters(), 0.01)
        for _ in range(60):
            optimiser.zero_grad()
            self.losses(self.student).sum().backward()
            optimiser.step()
        self.assertLess(float((self.losses(self.student) / before).max()), 0.3)

    def test_only_tokens_that_the_grammar_allows_are_compared(self):
        codes = zip(LAYOUT.faults, LAYOUT.fault_kinds)
        operations = {f"<fault:{code}>" for code, kind in codes if kind == "operation"}
        channels = {"<channel:1>", "<channel:2>", "<channel:3>", "<end_channels>"}
        names = list(LAYOUT.names) + WORDING.words
        for name, allowed in (
            ("<verdict:fault>", {f"<verdict:{v}>" for v in ("normal", "operation", "fault", "unknown")}),
            ("<fault:startup>", operations), ("<fault:unknown>", {"<fault:unknown>"}),
            ("<end_channels>", channels), ("<channel:2>", channels),
            ("<eos>", {"<eos>", *WORDING.words}),
        ):  # fmt: skip
            mask = self.distiller.allowed(torch.tensor([names.index(name)]), rows=4)[0]
            places = mask.nonzero().flatten() + LAYOUT.table("verdict")
            self.assertEqual({names[i] for i in places.tolist()}, allowed, name)

    def test_every_token_of_an_answer_has_a_family(self):
        self.assertTrue((families(LAYOUT, VOCAB) >= 0).all())

    def test_the_teacher_gets_its_share_of_the_loss(self):
        weights = LossWeights(asset_patch=1.0, channel_patch=2.0, answer=0.5, last_patch=1.0)
        parts = torch.tensor([1.0, 1.0, 2.0, 3.0, 1.0, 4.0])
        self.assertAlmostEqual(float(total(parts[:3], weights)), 4.0)
        self.assertAlmostEqual(float(total(parts, weights, 0.25)), 0.75 * 4.0 + 0.25 * 7.0)


def shard(folder: Path, faults: list[str]) -> Path:
    """Windows of the faults in equal parts, beside normal ones."""
    group = fixture.make_group(LAYOUT, 3, 40 * len(faults), np.random.default_rng(5))
    faulty = np.flatnonzero(group.data["verdict"] == FAULT)
    for place, window in enumerate(faulty):
        group.data["fault"][window] = index(faults[place % len(faults)])
    path = folder / "train-1.mwc"
    fixture.write_shard(path, [group], seed=1)
    return path


class HeldBack(unittest.TestCase):
    HELD = HeldOut.of(LAYOUT, {"taught": ["leak"], "never": ["fouling"]})

    def group(self):
        with tempfile.TemporaryDirectory() as folder:
            return read_shard(shard(Path(folder), ["leak", "fouling", "bias"]))[0]

    def test_training_sees_the_taught_as_unknown_and_never_the_others(self):
        group = self.group()
        seen = self.HELD.for_training(group)
        leaks = group.data["fault"] == index("leak")
        hidden = group.data["fault"] == index("fouling")
        self.assertTrue(leaks.any() and hidden.any())
        self.assertEqual(len(seen), len(group) - int(hidden.sum()))
        self.assertEqual(int((seen.data["verdict"] == UNKNOWN).sum()), int(leaks.sum()))
        unknown = seen.data["fault"][seen.data["verdict"] == UNKNOWN]
        self.assertTrue((unknown == index("unknown")).all())
        self.assertFalse(np.isin(seen.data["fault"], (index("leak"), index("fouling"))).any())

    def test_what_can_not_be_held_out_is_refused(self):
        for config in (
            {"taught": ["startup"]}, {"never": ["none"]}, {"taught": ["no such"]},
            {"taught": ["leak"], "never": ["leak"]},
        ):  # fmt: skip
            with self.subTest(config):
                self.assertRaises(ValueError, HeldOut.of, LAYOUT, config)

    def test_rare_names_count_more_and_the_mean_stays(self):
        counts = np.zeros(len(LAYOUT.faults), np.int64)
        counts[[index("bias"), index("leak")]] = 900, 100
        weight = fault_weights(counts, 0.5, 9.0)
        self.assertAlmostEqual(weight[index("leak")] / weight[index("bias")], 3.0, places=5)
        self.assertAlmostEqual(float((weight * counts).sum()) / counts.sum(), 1.0, places=5)
        self.assertEqual(weight[index("none")], 1.0)
        self.assertLessEqual(fault_weights(counts, 2.0, 3.0).max(), 3.0)

    def test_counts_are_of_what_training_sees(self):
        with tempfile.TemporaryDirectory() as folder:
            path = shard(Path(folder), ["leak", "fouling", "bias"])
            counts = count_faults([path], LAYOUT, self.HELD)
            seen = self.HELD.for_training(read_shard(path)[0]).data["fault"]
        self.assertEqual(counts[index("fouling")], 0)
        for code in ("unknown", "bias"):
            self.assertEqual(counts[index(code)], int((seen == index(code)).sum()))
            self.assertGreater(counts[index(code)], 0)


class Risk(unittest.TestCase):
    def test_coverage_is_what_may_be_named_at_a_risk(self):
        sure = np.array([0.9, 0.8, 0.7, 0.6])
        points = curve(sure, np.array([False, False, True, False]), 8)
        self.assertEqual(coverage_at(points, 0.1), (0.25, 0.8))
        self.assertEqual(coverage_at(points, 0.25), (0.5, 0.6))
        self.assertEqual(coverage_at(curve(sure, np.ones(4, bool), 8), 0.2), (0.0, 1.0))

    def test_a_name_for_what_was_never_taught_is_wrong_whatever_it_is(self):
        bias, fouling, unknown = index("bias"), index("fouling"), index("unknown")
        label = {
            "verdict": np.array([FAULT, FAULT, FAULT, UNKNOWN]), "never": np.array([0, 0, 1, 0], bool),
            "fault": np.array([bias, bias, fouling, unknown]),
            "code": np.array([bias, bias, fouling, index("leak")]), "effect": np.full(4, 9.0),
        }  # fmt: skip
        said = {
            "verdict": np.array([FAULT, UNKNOWN, FAULT, UNKNOWN]),
            "fault": np.array([bias, unknown, fouling, unknown]), "name_sure": np.full(4, 0.5),
        }  # fmt: skip
        options = {"named_from_effect": 2.0, "risks": [0.1]}
        figures = unknown_figures(label, said, LAYOUT, options)
        self.assertEqual(figures["known_faults"]["wrong"], 0.0)
        self.assertEqual(figures["known_faults"]["coverage_at_risk"]["0.1"], 0.5)
        self.assertEqual(figures["all_faults"]["wrong"], 0.5)
        self.assertEqual(figures["never_seen"]["a_name"], 1.0)
        self.assertEqual(figures["taught_as_unknown"]["unknown"], 1.0)


class Stages(unittest.TestCase):
    def test_a_stage_is_the_file_with_its_own_entries_on_top(self):
        config = json.loads(DEFAULT_CONFIG.read_text(encoding="utf-8"))
        small, int8 = (stage_config(config, name) for name in ("small", "small-int8"))
        self.assertEqual(int8["model"], small["model"])
        self.assertEqual((int8["stage"], int8["start_from"]), ("small-int8", "small"))
        self.assertEqual(int8["optimiser"]["quantised_from"], 0.0)
        self.assertEqual(small["optimiser"]["betas"], config["optimiser"]["betas"])
        self.assertRaises(ValueError, stage_config, config, "no such stage")

    def test_every_source_and_teacher_of_a_stage_is_there(self):
        config = json.loads(DEFAULT_CONFIG.read_text(encoding="utf-8"))
        for name in config["stages"]:
            stage = stage_config(config, name)
            teacher = (stage["loss"].get("distil") or {}).get("teacher")
            for source in filter(None, (stage.get("start_from"), teacher)):
                self.assertTrue(source in config["stages"] or Path(source).exists(), source)

    def test_an_entry_is_changed_from_the_command_line(self):
        config = {"a": {"b": 1, "c": 2}, "d": 3}
        self.assertEqual(changed(config, "a.b=[7]"), {"a": {"b": [7], "c": 2}, "d": 3})
        self.assertRaises(KeyError, changed, config, "x.b=1")


if __name__ == "__main__":
    unittest.main()
