"""A trained model in a larger shape that answers the same (Net2Net, Chen et al. 2016; bert2BERT, Chen et
al. 2022), so that a larger model starts with what a smaller one knows.

A channel, a head or a feed-forward neuron is copied; whoever reads the copies reads a share of each, and
the shares are uneven, so that the copies receive different gradients and part.  Every channel is
copied equally often, so a root mean square stays what it was.  New layers add nothing at first.
"""
from __future__ import annotations

import torch
from torch import Tensor

from model.train.model import Block, Millwright, Shape

SHARE = (0.5, 1.5)  # of a copy, before the shares of one source are made to add up to 1
READERS = ("attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up")
FIXED = ("vocab", "head_size", "row_length", "first_patch", "asset_prefix")


def check(before: Shape, after: Shape) -> None:
    """ValueError where the larger shape cannot hold the smaller one's function."""
    for name in FIXED:
        if getattr(before, name) != getattr(after, name):
            raise ValueError(f"{name} is {getattr(before, name)} and cannot grow")
    per_group = before.heads // before.kv_heads, after.heads // after.kv_heads
    whole = (
        after.width % before.width == 0
        and after.kv_heads % before.kv_heads == 0
        and per_group[1] % per_group[0] == 0
    )
    if not whole or after.ffn < before.ffn or after.layers < before.layers:
        raise ValueError(f"cannot grow {before} into {after}")


def sources(before: Shape, after: Shape) -> dict[str, Tensor]:
    """Of every channel, query, key and neuron of the larger shape: which one it is a copy of."""
    size, per = before.head_size, before.heads // before.kv_heads
    group = torch.arange(after.heads) // (after.heads // after.kv_heads) % before.kv_heads
    head = group * per + torch.arange(after.heads) % per
    lanes = lambda index: (index[:, None] * size + torch.arange(size)).flatten()  # noqa: E731
    return {
        "width": torch.arange(after.width) % before.width,
        "query": lanes(head),
        "key": lanes(torch.arange(after.kv_heads) % before.kv_heads),
        "ffn": torch.arange(after.ffn) % before.ffn,
    }


def shared_out(weight: Tensor, source: Tensor, generator: torch.Generator) -> Tensor:
    """Columns for copied inputs: those of one source add up to its old column."""
    low, high = SHARE
    share = torch.rand(len(weight), len(source), generator=generator) * (high - low) + low
    whole = torch.zeros_like(weight).index_add_(1, source, share)
    return weight[:, source] * share / whole[:, source]


class Grower:
    """Copies one model into another; `noise` is in standard deviations of each matrix."""

    def __init__(self, before: Shape, after: Shape, noise: float, seed: int) -> None:
        check(before, after)
        self.before, self.after, self.noise = before, after, noise
        self.source = sources(before, after)
        self.generator = torch.Generator().manual_seed(seed)

    def matrix(self, weight: Tensor, outputs: str, inputs: str) -> Tensor:
        copied = weight[self.source[outputs]]
        return shared_out(copied, self.source[inputs], self.generator)

    def blurred(self, weight: Tensor) -> Tensor:
        drawn = torch.randn(weight.shape, generator=self.generator)
        return weight + self.noise * weight.std() * drawn

    def block(self, old: Block, new: Block, fresh: bool) -> None:
        """`fresh`: the new block has no counterpart; it reads like `old` and adds nothing."""
        ends = {
            "attn_q": ("query", "width"), "attn_k": ("key", "width"), "attn_v": ("key", "width"),
            "attn_output": ("width", "query"), "ffn_gate": ("ffn", "width"),
            "ffn_up": ("ffn", "width"), "ffn_down": ("width", "ffn"),
        }  # fmt: skip
        for name, (outputs, inputs) in ends.items():
            grown = self.matrix(getattr(old, name).weight, outputs, inputs)
            if name in READERS:
                grown = self.blurred(grown)
            elif fresh:
                grown = torch.zeros_like(grown)
            getattr(new, name).weight.copy_(grown)
        for name in ("attn_norm", "ffn_norm"):
            getattr(new, name).weight.copy_(getattr(old, name).weight[self.source["width"]])

    def run(self, old: Millwright, new: Millwright) -> None:
        width, times = self.source["width"], self.after.width // self.before.width
        new.token_embd.copy_(old.token_embd[:, width])
        # The table is read at both ends: copied channels count `times` over in the logits.
        new.output_norm.weight.copy_(old.output_norm.weight[width] / times)
        for head in ("head_asset", "head_channel"):
            before, after = getattr(old, head), getattr(new, head)
            after.weight.copy_(shared_out(before.weight * times, width, self.generator))
            after.bias.copy_(before.bias)
        place = layer_sources(self.before.layers, self.after.layers)
        for index, (layer, fresh) in enumerate(place):
            self.block(old.blocks[layer], new.blocks[index], fresh)


def layer_sources(before: int, after: int) -> list[tuple[int, bool]]:
    """Of every layer of the larger model: the layer that it is like, and whether it is added."""
    home = {index * after // before: index for index in range(before)}
    place, last = [], 0
    for index in range(after):
        last = home.get(index, last)
        place.append((last, index not in home))
    return place


def grow(model: Millwright, shape: Shape, noise: float = 0.0, seed: int = 0) -> Millwright:
    """A model of the larger shape that answers as `model` does (exactly so without noise)."""
    grown = Millwright(shape)
    with torch.no_grad():
        Grower(model.shape, shape, noise, seed).run(model, grown)
    return grown
