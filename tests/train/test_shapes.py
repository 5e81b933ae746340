"""A model in another shape: grown it answers the same, pruned of what does nothing it answers the same."""
from __future__ import annotations

import os
import unittest
from dataclasses import replace
from pathlib import Path

import torch

from model.train.grow import grow
from model.train.layout import read_layout
from model.train.model import Millwright, Shape
from model.train.prune import prune

LAYOUT = read_layout(Path(os.environ["MW_DESCRIBE"]))
SMALL = Shape(vocab=1600, width=64, layers=2, heads=4, kv_heads=2, ffn=96)


def drawn(shape: Shape, seed: int) -> Millwright:
    """A model whose every weight matters: norms and biases are drawn too."""
    generator = torch.Generator().manual_seed(seed)
    model = Millwright(shape)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.3 * noise if parameter.dim() == 1 else 0.15 * noise)
    return model


def answers(model: Millwright) -> list[torch.Tensor]:
    """Patch logits and token logits on a fixed random batch."""
    generator = torch.Generator().manual_seed(9)
    draw = lambda *size: torch.randint(0, 1400, size, generator=generator)  # noqa: E731
    with torch.no_grad():
        codes, tail = draw(3, 4, LAYOUT.row_length, 10), draw(3, 6, 10)
        out = model(codes, tail)
        return [out.asset, out.channel, model.logits(out.tail)]


class Case(unittest.TestCase):
    def compare(self, a: Millwright, b: Millwright, bound: float = 1e-4) -> None:
        for x, y in zip(answers(a), answers(b)):
            self.assertLess(float((x - y).abs().max()), bound * max(1.0, float(x.abs().max())))


class Grown(Case):
    def test_a_grown_model_answers_the_same(self):
        small = drawn(SMALL, 1)
        for change in (
            {"width": 128}, {"heads": 8, "kv_heads": 4}, {"heads": 8}, {"kv_heads": 2, "ffn": 250},
            {"layers": 3}, {"width": 192, "layers": 5, "heads": 16, "kv_heads": 4, "ffn": 256},
        ):  # fmt: skip
            with self.subTest(change):
                self.compare(small, grow(small, replace(SMALL, **change), seed=3))

    def test_copies_part_and_new_layers_learn(self):
        large = grow(drawn(SMALL, 1), replace(SMALL, width=128, layers=3, ffn=192), seed=3)
        codes = torch.randint(0, 1400, (2, 3, LAYOUT.row_length, 10))
        out = large(codes, codes[:, 0, :5])
        (out.channel.square().sum() + out.asset.sum() + out.tail.square().sum()).backward()
        a, b = large.blocks[0].ffn_gate.weight.grad.split(96)
        self.assertGreater(float((a - b).norm() / a.norm()), 0.05)
        self.assertGreater(float(large.blocks[2].ffn_down.weight.grad.norm()), 0)

    def test_a_shape_that_cannot_hold_the_model_is_refused(self):
        for change in ({"width": 96}, {"ffn": 64}, {"layers": 1}, {"vocab": 99}, {"kv_heads": 4}):
            with self.subTest(change):
                self.assertRaises(ValueError, grow, drawn(SMALL, 1), replace(SMALL, **change))


LARGE = Shape(vocab=1600, width=64, layers=3, heads=6, kv_heads=3, ffn=128)
IDLE = {"neurons": list(range(5, 69, 2)), "groups": [1], "layers": [1]}


def idle_units(model: Millwright, idle: dict[str, list[int]]) -> None:
    """Some neurons, key-value groups and layers do nothing from now on."""
    size, per = SMALL.head_size, LARGE.heads // LARGE.kv_heads
    with torch.no_grad():
        for block in model.blocks:
            block.ffn_down.weight[:, idle["neurons"]] = 0
            for group in idle["groups"]:
                lanes = slice(group * per * size, (group + 1) * per * size)
                block.attn_output.weight[:, lanes] = 0
        for layer in idle["layers"]:
            model.blocks[layer].attn_output.weight.zero_()
            model.blocks[layer].ffn_down.weight.zero_()


class Pruned(Case):
    """The loss is the distance from what the whole model says, a little noise away."""

    def batches(self, model: Millwright) -> list[tuple]:
        generator = torch.Generator().manual_seed(4)
        draw = lambda *size: torch.randint(0, 1400, size, generator=generator)  # noqa: E731
        made = [(draw(3, 3, LAYOUT.row_length, 10), draw(3, 5, 10)) for _ in range(3)]
        with torch.no_grad():
            said = [model(*batch) for batch in made]
        blur = lambda x: x + 0.1 * torch.randn(x.shape, generator=generator)  # noqa: E731
        return [(batch, [blur(x) for x in out]) for batch, out in zip(made, said)]

    @staticmethod
    def loss(model: Millwright, batch: tuple) -> torch.Tensor:
        codes, truth = batch
        return sum((a - b).square().mean() for a, b in zip(model(*codes), truth))

    def test_cutting_what_does_nothing_changes_nothing(self):
        model = drawn(LARGE, 2)
        idle_units(model, IDLE)
        pruned, cut = prune(model, SMALL, self.batches(model), self.loss)
        self.assertEqual(pruned.shape, SMALL)
        self.assertEqual(cut.layers, [0, 2])
        self.assertEqual(cut.kv_heads, [[0, 2]] * 2)
        self.assertAlmostEqual(cut.kept, 1.0, places=5)
        self.compare(model, pruned)

    def test_a_unit_that_matters_is_kept_before_one_that_hardly_does(self):
        model = drawn(LARGE, 2)
        with torch.no_grad():
            for block in model.blocks:
                block.ffn_down.weight[:, 3:99] *= 1e-3
        pruned, cut = prune(model, replace(LARGE, ffn=32), self.batches(model), self.loss)
        self.assertEqual(cut.neurons[0], [0, 1, 2, *range(99, 128)])
        self.compare(model, pruned, 0.05)

    def test_what_is_no_part_of_the_model_is_refused(self):
        for change in ({"width": 32}, {"layers": 4}, {"ffn": 130}, {"heads": 12}, {"kv_heads": 6}):
            with self.subTest(change):
                bad = replace(LARGE, **change)
                self.assertRaises(ValueError, prune, drawn(LARGE, 1), bad, [], self.loss)


if __name__ == "__main__":
    unittest.main()
