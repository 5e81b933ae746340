"""The forward pass for training."""
from __future__ import annotations

import torch
from torch import Tensor

from model.train.model import Millwright, Output


def forward(model: Millwright, codes: Tensor, tail: Tensor, fused: bool) -> Output:
    """codes and tail hold int16 bits of the u16 codes."""
    widen = lambda c: c.long() & 0xFFFF  # noqa: E731
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model(widen(codes), widen(tail))
