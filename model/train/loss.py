"""What the model is punished for: patch heads on every patch, and the answer's tokens."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as fn

from model.train.answers import IGNORE
from model.train.model import Millwright, Output

PARTS = ("asset", "channel", "answer")
SOFT_PARTS = ("soft_asset", "soft_channel", "soft_answer")  # the same against a teacher


@dataclass(frozen=True)
class LossWeights:
    asset_patch: float
    channel_patch: float
    answer: float
    last_patch: float  # how much the newest patch counts: it alone decides a live score


def answer_loss(
    model: Millwright, hidden: Tensor, target: Tensor, weight: Tensor, first: int
) -> Tensor:
    """Weighted cross-entropy over the tokens from `first` on, per window."""
    known = target != IGNORE
    logits = model.logits(hidden[known], first).float()
    token = fn.cross_entropy(logits, target[known] - first, reduction="none")
    return (token * weight[known]).sum() / len(target)


def patch_weights(patches: int, last: float) -> Tensor:
    """[patches], mean 1; the newest counts `last` times as much as another."""
    weight = torch.ones(patches)
    weight[-1] = last
    return weight / weight.mean()


def patch_loss(logit: Tensor, truth: Tensor, last: float) -> Tensor:
    """Mean over [..., patches], the newest patch weighted by `last`."""
    bce = fn.binary_cross_entropy_with_logits(logit.float(), truth, reduction="none")
    return (bce * patch_weights(logit.shape[-1], last)).mean()


def losses(
    model: Millwright, out: Output, patch: Tensor, target: Tensor, weight: Tensor, first: int,
    weights: LossWeights,
) -> Tensor:  # fmt: skip
    """The three parts of PARTS."""
    return torch.stack(
        (
            patch_loss(out.asset, patch[:, 0], weights.last_patch),
            patch_loss(out.channel, patch[:, 1:], weights.last_patch),
            answer_loss(model, out.tail, target, weight, first),
        )
    )


def total(parts: Tensor, weights: LossWeights, soft_share: float = 0.0) -> Tensor:
    """Of PARTS, or of PARTS and SOFT_PARTS, of which the soft ones get `soft_share`."""
    scale = torch.tensor((weights.asset_patch, weights.channel_patch, weights.answer))
    if len(parts) == len(PARTS):
        return (parts * scale).sum()
    hard, soft = parts.split(len(PARTS))
    return ((1 - soft_share) * hard * scale + soft_share * soft * scale).sum()
