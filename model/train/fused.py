"""The model's forward pass for training: plain PyTorch, or the same with kernels.c between the
matrix products (about three times as fast on a CPU).  Both return model.Output."""
from __future__ import annotations

import ctypes

import torch
from torch import Tensor
from torch.nn import functional as fn

from model.train.kernels import HEAD_SIZE, Geometry, address, library, size
from model.train.model import Block, Millwright, Output
from model.train.quant import fake_weight

HALF = torch.bfloat16
PER_BLOCK = 9  # parameters of a block, in the order of block_parameters


def block_parameters(block: Block) -> tuple[Tensor, ...]:
    attention = (block.attn_q, block.attn_k, block.attn_v, block.attn_output)
    feed = (block.ffn_gate, block.ffn_up, block.ffn_down)
    weights = tuple(layer.weight for layer in attention + feed)
    return (block.attn_norm.weight, block.ffn_norm.weight, *weights)


class Trunk:
    """The arithmetic of one pass over a batch; keeps what the way back needs."""

    def __init__(self, model: Millwright, codes: Tensor, tail: Tensor) -> None:
        shape = model.shape
        windows, rows, row_length, self.slots = codes.shape
        self.shape, self.codes, self.tail = shape, codes, tail
        self.geometry = Geometry(
            windows, rows, row_length, tail.shape[1], shape.heads, shape.kv_heads,
            shape.asset_prefix, model.quantised.on,
        )  # fmt: skip
        self.n = windows * self.geometry.length
        geo = model.geometry(rows, tail.shape[1])
        tables = zip(geo.row_rope, geo.tail_rope)
        self.cosine, self.sine = (torch.cat(pair)[:, 0].contiguous() for pair in tables)
        self.saved: list[tuple[Tensor, ...]] = []
        self.keep = torch.is_grad_enabled()
        self.lib = library()

    def half(self, width: int) -> Tensor:
        return torch.empty(self.n, width, dtype=HALF)

    def embed(self, table: Tensor) -> Tensor:
        x = torch.empty(self.n, self.shape.width)
        self.lib.mwk_embed(
            ctypes.byref(self.geometry), address(self.codes), address(self.tail), size(self.slots),
            address(table), size(self.shape.width), address(x),
        )  # fmt: skip
        return x

    def embed_back(self, dx: Tensor, table: Tensor) -> Tensor:
        gradient = torch.zeros_like(table)
        self.lib.mwk_embed_back(
            ctypes.byref(self.geometry), address(self.codes), address(self.tail), size(self.slots),
            address(dx), size(self.shape.width), address(gradient),
        )  # fmt: skip
        return gradient

    def norm(
        self, x: Tensor, delta: Tensor | None, weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """-> (x + delta, its norm, the inverse root mean squares)."""
        following = x if delta is None else torch.empty_like(x)
        y, inverse = self.half(self.shape.width), torch.empty(self.n)
        self.lib.mwk_norm(
            size(self.n), size(self.shape.width), address(x), address(delta), address(weight),
            ctypes.c_float(self.shape.eps), ctypes.c_int32(self.geometry.quantised),
            address(following), address(y), address(inverse),
        )  # fmt: skip
        return following, y, inverse

    def norm_back(
        self, x: Tensor, weight: Tensor, inverse: Tensor, dy: Tensor, dx: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Adds to dx; -> (dx as bf16, gradient of the weight)."""
        dx16, dweight = self.half(self.shape.width), torch.zeros_like(weight)
        self.lib.mwk_norm_back(
            size(self.n), size(self.shape.width), address(x), address(weight), address(inverse),
            address(dy), address(dx), address(dx16), address(dweight),
        )  # fmt: skip
        return dx16, dweight

    def attention(self, qkv: Tensor) -> Tensor:
        out = self.half(self.shape.heads * HEAD_SIZE)
        self.lib.mwk_attention(
            ctypes.byref(self.geometry), address(qkv), address(self.cosine), address(self.sine),
            address(out), None, None,
        )  # fmt: skip
        return out

    def attention_back(self, qkv: Tensor, dout: Tensor) -> Tensor:
        # Queries of asset and channel rows, keys and values: every entry is written.
        dqkv = torch.empty_like(qkv)
        self.lib.mwk_attention(
            ctypes.byref(self.geometry), address(qkv), address(self.cosine), address(self.sine),
            None, address(dout), address(dqkv),
        )  # fmt: skip
        return dqkv

    def swiglu(self, both: Tensor) -> Tensor:
        h = self.half(self.shape.ffn)
        self.lib.mwk_swiglu(
            size(self.n), size(self.shape.ffn), address(both),
            ctypes.c_int32(self.geometry.quantised), address(h),
        )  # fmt: skip
        return h

    def swiglu_back(self, both: Tensor, dh: Tensor) -> Tensor:
        dboth = torch.empty_like(both)
        self.lib.mwk_swiglu_back(
            size(self.n), size(self.shape.ffn), address(both), address(dh), address(dboth)
        )
        return dboth

    def block(
        self, x: Tensor, delta: Tensor | None, p: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        """-> (residual stream before the feed-forward's output is added, that output)."""
        x0, y0, r0 = self.norm(x, delta, p[0])
        weights = w_qkv, w_out, w_both, w_down = joined(p)
        qkv = y0 @ w_qkv.t()
        mixed = self.attention(qkv)
        x1, y1, r1 = self.norm(x0, mixed @ w_out.t(), p[1])
        both = y1 @ w_both.t()
        h = self.swiglu(both)
        if self.keep:
            self.saved.append((x0, y0, r0, qkv, mixed, x1, y1, r1, both, h, *weights))
        return x1, h @ w_down.t()

    def block_back(
        self, dx: Tensor, dx16: Tensor, p: tuple[Tensor, ...]
    ) -> tuple[Tensor, list[Tensor]]:
        """dx (and dx16, the same in bf16) becomes the gradient before the block."""
        x0, y0, r0, qkv, mixed, x1, y1, r1, both, h, *weights = self.saved.pop()
        w_qkv, w_out, w_both, w_down = weights
        d_down = dx16.t() @ h
        dboth = self.swiglu_back(both, dx16 @ w_down)
        d_both = dboth.t() @ y1
        dx16, d_norm1 = self.norm_back(x1, p[1], r1, dboth @ w_both, dx)
        d_out = dx16.t() @ mixed
        dqkv = self.attention_back(qkv, dx16 @ w_out)
        d_qkv = dqkv.t() @ y0
        dx16, d_norm0 = self.norm_back(x0, p[0], r0, dqkv @ w_qkv, dx)
        attention = d_qkv.float().split([w.shape[0] for w in p[2:5]])
        feed = d_both.float().split(self.shape.ffn)
        return dx16, [d_norm0, d_norm1, *attention, d_out.float(), *feed, d_down.float()]


def joined(p: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The block's matrices in bf16, those with the same input stacked."""
    q, k, v, out, gate, up, down = p[2:]
    qkv, both = torch.cat((q, k, v)), torch.cat((gate, up))
    return qkv.to(HALF), out.to(HALF), both.to(HALF), down.to(HALF)


class TrunkFunction(torch.autograd.Function):
    """(table, output norm, blocks' parameters) -> normed hidden states [N, width] in bf16."""

    @staticmethod
    def forward(ctx, trunk: Trunk, *parameters: Tensor) -> Tensor:  # type: ignore[override]
        table, last, *rest = parameters
        x, delta = trunk.embed(table), None
        for first in range(0, len(rest), PER_BLOCK):
            x, delta = trunk.block(x, delta, tuple(rest[first : first + PER_BLOCK]))
        x, y, inverse = trunk.norm(x, delta, last)
        ctx.trunk, ctx.last = trunk, (x, inverse)
        ctx.parameters = parameters
        return y

    @staticmethod
    def backward(ctx, dy: Tensor):  # type: ignore[override]
        trunk, (x, inverse) = ctx.trunk, ctx.last
        table, last, *rest = ctx.parameters
        dx = torch.zeros_like(x)
        dx16, d_last = trunk.norm_back(x, last, inverse, dy.contiguous(), dx)
        gradients: list[Tensor] = []
        for first in reversed(range(0, len(rest), PER_BLOCK)):
            dx16, own = trunk.block_back(dx, dx16, tuple(rest[first : first + PER_BLOCK]))
            gradients = own + gradients
        return (None, trunk.embed_back(dx, table), d_last, *gradients)


def fused_forward(model: Millwright, codes: Tensor, tail: Tensor) -> Output:
    shape = model.shape
    if shape.head_size != HEAD_SIZE or shape.width > 1024 or shape.ffn > 4096:
        raise ValueError("kernels.c is made for heads of 32, width <= 1024, ffn <= 4096")
    matrices = [p for block in model.blocks for p in block_parameters(block)]
    if model.quantised.on:
        matrices = [fake_weight(p) if p.dim() > 1 else p for p in matrices]
    trunk = Trunk(model, codes.contiguous(), tail.contiguous())
    hidden = TrunkFunction.apply(trunk, model.embedding(), model.output_norm.weight, *matrices)
    windows, rows, length = codes.shape[:3]
    hidden = hidden.reshape(windows, -1, shape.width).float()
    patches = hidden[:, : rows * length].reshape(windows, rows, length, -1)
    patches = patches[:, :, shape.first_patch :]
    return Output(
        asset=model.head_asset(patches[:, 0]).squeeze(-1),
        channel=model.head_channel(patches[:, 1:]).squeeze(-1),
        tail=hidden[:, rows * length :],
    )


def plain_forward(model: Millwright, codes: Tensor, tail: Tensor) -> Output:
    with torch.autocast("cpu", dtype=HALF):
        return model(codes.long() & 0xFFFF, tail.long() & 0xFFFF)


def forward(model: Millwright, codes: Tensor, tail: Tensor, fused: bool) -> Output:
    """codes [B, rows, row_length, slots], tail [B, T, slots]: the u16 codes as int16 bits."""
    return (fused_forward if fused else plain_forward)(model, codes, tail)
