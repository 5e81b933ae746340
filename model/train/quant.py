"""Q8_0: blocks of 32 along the input dimension, one fp16 scale and 32 int8 each; and its imitation
in training (straight-through), so that the int8 file loses nothing."""
from __future__ import annotations

import numpy as np
import torch

BLOCK = 32


def quantise_q8_0(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of float32 -> (fp16 scales [rows, blocks], int8 [rows, blocks, 32])."""
    rows, width = weight.shape
    blocks = weight.astype(np.float32).reshape(rows, width // BLOCK, BLOCK)
    scale = np.abs(blocks).max(axis=2) / np.float32(127)
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    values = np.rint(blocks * inverse[..., None]).clip(-127, 127).astype(np.int8)
    return scale.astype(np.float16), values


def dequantise_q8_0(scale: np.ndarray, values: np.ndarray) -> np.ndarray:
    rows = scale.shape[0]
    return (values.astype(np.float32) * scale.astype(np.float32)[..., None]).reshape(rows, -1)


class _StraightThrough(torch.autograd.Function):
    """Forward: rounded to int8 per block of 32; backward: as if nothing was done."""

    @staticmethod
    def forward(ctx, value, half_scale: bool) -> torch.Tensor:  # type: ignore[override]
        blocks = value.reshape(-1, BLOCK).float()
        scale = blocks.abs().amax(dim=1, keepdim=True) / 127
        inverse = torch.where(scale > 0, 1 / scale, torch.zeros_like(scale))
        step = scale.half().float() if half_scale else scale
        return (torch.round(blocks * inverse) * step).reshape(value.shape).to(value.dtype)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):  # type: ignore[override]
        return gradient, None


def fake_weight(weight: torch.Tensor) -> torch.Tensor:
    """A weight as the shipped file will hold it (scale in fp16)."""
    return _StraightThrough.apply(weight, True)


def fake_activation(value: torch.Tensor) -> torch.Tensor:
    """An activation as the int8 engine multiplies it (scale in fp32)."""
    return _StraightThrough.apply(value, False)
