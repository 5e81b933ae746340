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


class Shapes(unittest.TestCase):
    def compare(self, a: Millwright, b: Millwright, bound: float = 1e-4) -> None:
        for x, y in zip(answers(a), answers(b)):
            self.assertLess(float((x - y).abs().max()), bound * max(1.0, float(x.abs().max())))

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


if __name__ == "__main__":
    unittest.main()
