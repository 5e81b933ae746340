"""The decoder of schemas/prompt.md: RMSNorm, RoPE (half-split), grouped-query attention, SwiGLU,
tied embeddings, channel-blocked attention with the asset row as a shared prefix."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from model.train.layout import NONE_CODE
from model.train.quant import fake_activation, fake_weight

NEGATIVE = -1e9


@dataclass(frozen=True)
class Shape:
    """Every number that decides the size of the model."""

    vocab: int
    width: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 32
    ffn: int = 384
    eps: float = 1e-5
    rope_base: float = 10000.0
    row_length: int = 20
    first_patch: int = 4
    asset_prefix: bool = True

    def as_dict(self) -> dict:
        return asdict(self)

    @property
    def size(self) -> tuple[int, ...]:
        """What growth and pruning change."""
        return (self.width, self.layers, self.heads, self.kv_heads, self.ffn)


class Output(NamedTuple):
    """What one pass gives: logits of the patch heads, normed hidden states of the tail."""

    asset: Tensor  # [B, patches]
    channel: Tensor  # [B, rows - 1, patches]
    tail: Optional[Tensor]  # [B, T, width]


class Quantised:
    """Switch shared by all layers: imitate int8 weights and activations."""

    def __init__(self) -> None:
        self.on = False


class Linear(nn.Module):
    def __init__(self, inputs: int, outputs: int, quantised: Quantised, std: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * std)
        self.quantised = quantised

    def forward(self, x: Tensor) -> Tensor:
        if not self.quantised.on:
            return fn.linear(x, self.weight)
        return fn.linear(fake_activation(x), fake_weight(self.weight))


class RmsNorm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def rope_tables(position: Tensor, head_size: int, base: float) -> tuple[Tensor, Tensor]:
    """cos and sin, [positions, 1, head_size / 2]."""
    frequency = base ** (-torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    angle = position.double()[:, None] * frequency[None]
    return angle.cos().float()[:, None], angle.sin().float()[:, None]


def rotate(x: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """x [..., positions, heads, head_size]; pairs (i, i + head_size / 2)."""
    cos, sin = tables
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """q [N, Q, H, s], k and v [N, K, G, s], mask [Q, K] -> [N, Q, H * s]."""
    n, queries, heads, size = q.shape
    groups = k.shape[2]
    q = q.reshape(n, queries, groups, heads // groups, size).permute(0, 2, 3, 1, 4)
    k = k.permute(0, 2, 3, 1).unsqueeze(2)
    v = v.permute(0, 2, 1, 3).unsqueeze(2)
    score = torch.matmul(q * size**-0.5, k) + mask
    mixed = torch.matmul(score.softmax(-1), v)
    return mixed.permute(0, 3, 1, 2, 4).reshape(n, queries, heads * size)


class Geometry:
    """Positions and masks of one (rows, tail) size; depends on nothing else."""

    def __init__(self, shape: Shape, rows: int, tail: int) -> None:
        length = shape.row_length
        prefix = length if shape.asset_prefix else 0
        self.rows, self.tail = rows, tail
        position = torch.arange(length).repeat(rows).reshape(rows, length)
        position[1:] += prefix
        after = torch.arange(tail) + prefix + length
        size, base = shape.head_size, shape.rope_base
        self.row_rope = rope_tables(position.flatten(), size, base)
        self.tail_rope = rope_tables(after, size, base)
        causal = torch.triu(torch.full((length, length), NEGATIVE), 1)
        self.own = causal
        self.prefixed = torch.cat((torch.zeros(length, prefix), causal), 1)
        late = torch.triu(torch.full((tail, tail), NEGATIVE), 1)
        self.late = torch.cat((torch.zeros(tail, rows * length), late), 1)


class Block(nn.Module):
    def __init__(self, shape: Shape, quantised: Quantised) -> None:
        super().__init__()
        self.shape = shape
        width, size = shape.width, shape.head_size
        std = width**-0.5
        out_std = std / (2 * shape.layers) ** 0.5
        make = lambda i, o, s=std: Linear(i, o, quantised, s)  # noqa: E731
        self.attn_norm = RmsNorm(width, shape.eps)
        self.attn_q = make(width, shape.heads * size)
        self.attn_k = make(width, shape.kv_heads * size)
        self.attn_v = make(width, shape.kv_heads * size)
        self.attn_output = make(shape.heads * size, width, out_std)
        self.ffn_norm = RmsNorm(width, shape.eps)
        self.ffn_gate = make(width, shape.ffn)
        self.ffn_up = make(width, shape.ffn)
        self.ffn_down = make(shape.ffn, width, out_std)

    def project(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """x [B, T, width] -> q, k, v [B, T, heads, head_size], q and k turned."""
        batch, length, _ = x.shape
        split = lambda y: y.reshape(batch, length, -1, self.shape.head_size)  # noqa: E731
        normed = self.attn_norm(x)
        q, k, v = (split(f(normed)) for f in (self.attn_q, self.attn_k, self.attn_v))
        return rotate(q, rope), rotate(k, rope), v

    def attend_rows(self, q: Tensor, k: Tensor, v: Tensor, geo: Geometry) -> Tensor:
        """[B, rows * length, heads, size] -> [B, rows * length, heads * size]."""
        batch, rows = q.shape[0], geo.rows
        q, k, v = (t.reshape(batch, rows, -1, *t.shape[2:]) for t in (q, k, v))
        asset = attend(q[:, 0], k[:, 0], v[:, 0], geo.own).unsqueeze(1)
        if self.shape.asset_prefix:
            k, v = (
                torch.cat((t[:, :1].expand(-1, rows - 1, -1, -1, -1), t[:, 1:]), 2) for t in (k, v)
            )
        else:
            k, v = k[:, 1:], v[:, 1:]
        flat = lambda t: t.flatten(0, 1)  # noqa: E731
        channel = attend(flat(q[:, 1:]), flat(k), flat(v), geo.prefixed)
        channel = channel.reshape(batch, rows - 1, -1, channel.shape[-1])
        return torch.cat((asset, channel), 1).flatten(1, 2)

    def feed(self, x: Tensor) -> Tensor:
        normed = self.ffn_norm(x)
        return self.ffn_down(fn.silu(self.ffn_gate(normed)) * self.ffn_up(normed))

    def forward_rows(self, x: Tensor, geo: Geometry) -> tuple[Tensor, Tensor, Tensor]:
        """-> (x after the block, the rows' keys and values, which the tail will need)."""
        q, k, v = self.project(x, geo.row_rope)
        x = x + self.attn_output(self.attend_rows(q, k, v, geo))
        return x + self.feed(x), k, v

    def forward_tail(self, tail: Tensor, k: Tensor, v: Tensor, geo: Geometry) -> Tensor:
        tail_q, tail_k, tail_v = self.project(tail, geo.tail_rope)
        keys, values = torch.cat((k, tail_k), 1), torch.cat((v, tail_v), 1)
        tail = tail + self.attn_output(attend(tail_q, keys, values, geo.late))
        return tail + self.feed(tail)


class Millwright(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.quantised = Quantised()
        self.token_embd = nn.Parameter(torch.randn(shape.vocab, shape.width) * 0.1)
        self.blocks = nn.ModuleList(Block(shape, self.quantised) for _ in range(shape.layers))
        self.output_norm = RmsNorm(shape.width, shape.eps)
        self.head_asset = nn.Linear(shape.width, 1)
        self.head_channel = nn.Linear(shape.width, 1)
        self._geometry: dict[tuple[int, int], Geometry] = {}

    def embedding(self) -> Tensor:
        return fake_weight(self.token_embd) if self.quantised.on else self.token_embd

    def embed(self, codes: Tensor) -> Tensor:
        """codes [..., slots] (NONE_CODE = empty) -> [..., width]: the sum of the codes' rows."""
        table = fn.pad(self.embedding(), (0, 0, 0, 1))
        index = torch.where(codes == NONE_CODE, self.shape.vocab, codes)
        flat = index.reshape(-1, codes.shape[-1])
        return fn.embedding_bag(flat, table, mode="sum").reshape(*codes.shape[:-1], -1)

    def logits(self, hidden: Tensor, first: int = 0) -> Tensor:
        """Logits of the tokens from `first` on."""
        table = self.embedding()[first:]
        return fn.linear(fake_activation(hidden) if self.quantised.on else hidden, table)

    def geometry(self, rows: int, tail: int) -> Geometry:
        key = (rows, tail)
        if key not in self._geometry:
            self._geometry[key] = Geometry(self.shape, rows, tail)
        return self._geometry[key]

    def read_rows(self, codes: Tensor) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor]]]:
        """codes [B, rows, row_length, slots] -> logits of both heads, keys and values by block."""
        batch, rows, length, _ = codes.shape
        geo, cache = self.geometry(rows, 0), []
        x = self.embed(codes).flatten(1, 2)
        for block in self.blocks:
            x, k, v = block.forward_rows(x, geo)
            cache.append((k, v))
        patches = self.output_norm(x).reshape(batch, rows, length, -1)
        patches = patches[:, :, self.shape.first_patch :]
        asset = self.head_asset(patches[:, 0]).squeeze(-1)
        return asset, self.head_channel(patches[:, 1:]).squeeze(-1), cache

    def read_tail(
        self, tail_codes: Tensor, rows: int, cache: list[tuple[Tensor, Tensor]]
    ) -> Tensor:
        """tail_codes [B, T, slots] -> hidden states [B, T, width] after the norm."""
        geo, tail = self.geometry(rows, tail_codes.shape[1]), self.embed(tail_codes)
        for block, (k, v) in zip(self.blocks, cache):
            tail = block.forward_tail(tail, k, v, geo)
        return self.output_norm(tail)

    def forward(self, codes: Tensor, tail_codes: Optional[Tensor] = None) -> Output:
        asset, channel, cache = self.read_rows(codes)
        tail = None if tail_codes is None else self.read_tail(tail_codes, codes.shape[1], cache)
        return Output(asset, channel, tail)
