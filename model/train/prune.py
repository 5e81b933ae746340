"""A trained model in a smaller shape of the same width: whole neurons, groups of heads and layers that the
loss misses least are cut; training heals what is left.

A neuron or a head is judged by the first-order change of the loss if its output were zero (Molchanov
et al. 2019): the sum of weight times gradient over the columns that read it, squared, over batches.
Layers are few, so each is left out and the loss measured.  Width stays: channels are read by every
norm, and cutting them changes all that is left.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from model.train.grow import FIXED
from model.train.model import Block, Millwright, Shape

Loss = Callable[[Millwright, object], Tensor]  # of a model on a batch
LINES = {"attn_q": "query", "attn_k": "key", "attn_v": "key", "ffn_gate": "ffn", "ffn_up": "ffn"}
COLUMNS = {"attn_output": "query", "ffn_down": "ffn"}


@dataclass
class Importance:
    """Of every unit, by layer: [heads] and [ffn]; larger is missed more."""

    head: list[Tensor]
    neuron: list[Tensor]


@dataclass
class Cut:
    """What stays: layers, and of each the heads and neurons, ascending; `kept` is the share of the
    importance of heads and neurons that stays."""

    layers: list[int]
    heads: list[list[int]]
    kv_heads: list[list[int]]
    neurons: list[list[int]]
    kept: float

    def summary(self) -> dict[str, object]:
        heads = [list(pair) for pair in zip(self.layers, self.heads)]
        return {"layers": self.layers, "heads_by_layer": heads, "importance_kept": round(self.kept, 4)}


def check(before: Shape, after: Shape) -> None:
    """ValueError where `after` is no part of `before`."""
    for name in FIXED + ("width",):
        if getattr(before, name) != getattr(after, name):
            raise ValueError(f"{name} is {getattr(before, name)} and cannot be pruned")
    per = before.heads // before.kv_heads, after.heads // after.kv_heads
    smaller = after.layers <= before.layers and after.ffn <= before.ffn
    if not smaller or after.kv_heads > before.kv_heads or per[1] > per[0]:
        raise ValueError(f"{after} is no part of {before}")


def measure(model: Millwright, batches: Sequence[object], loss: Loss) -> Importance:
    """First-order importance over the batches; leaves no gradients behind."""
    size = model.shape.head_size
    sums = Importance(
        [torch.zeros(model.shape.heads) for _ in model.blocks],
        [torch.zeros(model.shape.ffn) for _ in model.blocks],
    )
    for batch in batches:
        model.zero_grad(set_to_none=True)
        loss(model, batch).backward()
        for layer, block in enumerate(model.blocks):
            out, down = block.attn_output.weight, block.ffn_down.weight
            effect = (out.detach() * out.grad).sum(0).reshape(-1, size).sum(1)
            sums.head[layer] += effect.square()
            sums.neuron[layer] += (down.detach() * down.grad).sum(0).square()
    model.zero_grad(set_to_none=True)
    return sums


def mean_loss(model: Millwright, batches: Sequence[object], loss: Loss) -> float:
    with torch.no_grad():
        return sum(float(loss(model, batch)) for batch in batches) / len(batches)


def without(model: Millwright, layers: set[int]) -> Millwright:
    """A view of the model without some layers; the weights are shared."""
    view = Millwright(replace(model.shape, layers=model.shape.layers - len(layers)))
    for name in ("token_embd", "output_norm", "head_asset", "head_channel", "quantised"):
        setattr(view, name, getattr(model, name))
    view.blocks = torch.nn.ModuleList(b for i, b in enumerate(model.blocks) if i not in layers)
    return view


def layers_to_drop(
    model: Millwright, count: int, batches: Sequence[object], loss: Loss
) -> set[int]:
    """One after the other, each time the layer whose absence costs least."""
    gone: set[int] = set()
    for _ in range(count):
        left = [i for i in range(model.shape.layers) if i not in gone]
        cost = {i: mean_loss(without(model, gone | {i}), batches, loss) for i in left}
        gone.add(min(left, key=lambda i: cost[i]))
    return gone


def largest(values: Tensor, count: int) -> list[int]:
    return sorted(values.argsort(descending=True, stable=True)[:count].tolist())


def choose_heads(score: Tensor, before: Shape, after: Shape) -> tuple[list[int], list[int]]:
    """-> (heads, their key-value heads): whole groups first, then heads within each group."""
    per, left = before.heads // before.kv_heads, after.heads // after.kv_heads
    groups = score.reshape(before.kv_heads, per)
    best = groups.sort(1, descending=True).values[:, :left].sum(1)
    kept = largest(best, after.kv_heads)
    heads = [group * per + head for group in kept for head in largest(groups[group], left)]
    return heads, kept


def choose(importance: Importance, dropped: set[int], before: Shape, after: Shape) -> Cut:
    cut = Cut([i for i in range(before.layers) if i not in dropped], [], [], [], 1.0)
    kept = total = 0.0
    for layer in cut.layers:
        head, neuron = importance.head[layer], importance.neuron[layer]
        heads, groups = choose_heads(head, before, after)
        neurons = largest(neuron, after.ffn)
        cut.heads.append(heads)
        cut.kv_heads.append(groups)
        cut.neurons.append(neurons)
        kept += float(head[heads].sum() + neuron[neurons].sum())
        total += float(head.sum() + neuron.sum())
    cut.kept = kept / total if total > 0 else 1.0
    return cut


def lanes(heads: Sequence[int], size: int) -> Tensor:
    return (torch.tensor(heads)[:, None] * size + torch.arange(size)).flatten()


def copy_block(old: Block, new: Block, kept: dict[str, Tensor]) -> None:
    for name, unit in LINES.items():
        getattr(new, name).weight.copy_(getattr(old, name).weight[kept[unit]])
    for name, unit in COLUMNS.items():
        getattr(new, name).weight.copy_(getattr(old, name).weight[:, kept[unit]])
    for name in ("attn_norm", "ffn_norm"):
        getattr(new, name).weight.copy_(getattr(old, name).weight)


def apply(model: Millwright, cut: Cut, shape: Shape) -> Millwright:
    pruned, size = Millwright(shape), shape.head_size
    with torch.no_grad():
        for name in ("token_embd", "output_norm.weight", "head_asset.weight", "head_asset.bias",
                     "head_channel.weight", "head_channel.bias"):  # fmt: skip
            pruned.get_parameter(name).copy_(model.get_parameter(name))
        for place, layer in enumerate(cut.layers):
            kept = {
                "query": lanes(cut.heads[place], size), "key": lanes(cut.kv_heads[place], size),
                "ffn": torch.tensor(cut.neurons[place]),
            }  # fmt: skip
            copy_block(model.blocks[layer], pruned.blocks[place], kept)
    return pruned


def prune(
    model: Millwright, shape: Shape, batches: Sequence[object], loss: Loss
) -> tuple[Millwright, Cut]:
    """The smaller model, and what was kept of the larger one."""
    check(model.shape, shape)
    dropped = layers_to_drop(model, model.shape.layers - shape.layers, batches, loss)
    cut = choose(measure(model, batches, loss), dropped, model.shape, shape)
    return apply(model, cut, shape), cut
