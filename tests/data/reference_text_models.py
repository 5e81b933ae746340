"""Tiny random models of the text architectures and their logits, computed here a second time in
double precision, straight from the papers and model cards: `reference_text_models.py FOLDER` writes
golden_openelm.gguf, golden_phi3.gguf and golden_phi3_long.gguf.

Each file holds its own answer: key reference.tokens, and tensor reference.logits [tokens, vocab],
whose row i is the answer after the tokens 0..i.  Every row is computed from its whole prefix, so
nothing here knows of a cache.  What makes an architecture special is also left out once, and the
logits must then differ: a file that would not notice a mistake is not written.

golden_openelm.gguf also brings a small tokenizer: key reference.answer is what follows
reference.prompt, 12 tokens of it.
"""
from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

F32, F16 = 0, 1
U32, I32, FLOAT, STRING, ARRAY = 4, 5, 6, 8, 9

BLANK = "\u2581"
PROMPT = "the rain in the north"


@dataclass
class Model:
    name: str
    arch: str
    n_embd: int
    heads: list[int]
    kv_heads: list[int]
    ffn: list[int]
    head_size: int
    vocab: int
    context: int
    eps: float
    head_norm: bool = False
    tied: bool = True
    window: int = 0
    original: int = 0
    gain: float = 1.0
    factors: tuple[np.ndarray, np.ndarray] | None = None
    n_tokens: int = 24
    weights: dict[str, np.ndarray] = field(default_factory=dict)


def make_weights(m: Model, rng: np.random.Generator) -> None:
    def matrix(name: str, rows: int, cols: int, spread: float) -> None:
        values = (rng.standard_normal((rows, cols)) * spread).astype(np.float16)
        m.weights[name + ".weight"] = values

    def norm(name: str, n: int) -> None:
        m.weights[name + ".weight"] = (1 + 0.4 * rng.uniform(-1, 1, n)).astype(np.float32)

    matrix("token_embd", m.vocab, m.n_embd, 1.0)
    norm("output_norm", m.n_embd)
    if not m.tied:
        matrix("output", m.vocab, m.n_embd, 0.5)
    for i, (heads, kv, ffn) in enumerate(zip(m.heads, m.kv_heads, m.ffn)):
        blk = f"blk.{i}."
        norm(blk + "attn_norm", m.n_embd)
        norm(blk + "ffn_norm", m.n_embd)
        matrix(blk + "attn_qkv", (heads + 2 * kv) * m.head_size, m.n_embd, 0.35)
        matrix(blk + "attn_output", m.n_embd, heads * m.head_size, 0.2)
        matrix(blk + "ffn_down", m.n_embd, ffn, 0.2)
        if m.head_norm:
            norm(blk + "attn_q_norm", m.head_size)
            norm(blk + "attn_k_norm", m.head_size)
        if m.arch == "phi3":
            matrix(blk + "ffn_up", 2 * ffn, m.n_embd, 0.3)
        else:
            matrix(blk + "ffn_gate", ffn, m.n_embd, 0.3)
            matrix(blk + "ffn_up", ffn, m.n_embd, 0.3)


def rms_norm(x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def rope(m: Model, x: np.ndarray, length: int) -> np.ndarray:
    """x [positions, heads, head_size]; the first half of a head turns with the second."""
    half = m.head_size // 2
    frequency = 10000.0 ** (-np.arange(half) * 2.0 / m.head_size)
    if m.factors is not None:
        frequency = frequency / m.factors[int(length > m.original)].astype(np.float64)
    angle = np.arange(len(x))[:, None] * frequency
    cos, sin = (f(angle)[:, None, :] * m.gain for f in (np.cos, np.sin))
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def attention(m: Model, i: int, x: np.ndarray) -> np.ndarray:
    n, size, heads, kv = len(x), m.head_size, m.heads[i], m.kv_heads[i]
    w = {k: m.weights.get(f"blk.{i}.{k}.weight") for k in ("attn_qkv", "attn_output")}
    qkv = (x @ w["attn_qkv"].astype(np.float64).T).reshape(n, heads + 2 * kv, size)
    q, k, v = qkv[:, :heads], qkv[:, heads : heads + kv], qkv[:, heads + kv :]
    if m.head_norm:
        q = rms_norm(q, m.weights[f"blk.{i}.attn_q_norm.weight"], m.eps)
        k = rms_norm(k, m.weights[f"blk.{i}.attn_k_norm.weight"], m.eps)
    q, k = rope(m, q, n), rope(m, k, n)
    k, v = (np.repeat(t, heads // kv, axis=1) for t in (k, v))
    score = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(size)
    distance = np.arange(n)[:, None] - np.arange(n)[None, :]
    hidden = (distance < 0) | ((distance >= m.window) if m.window else False)
    score = np.where(hidden, -np.inf, score)
    p = np.exp(score - score.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    mixed = np.einsum("hqk,khd->qhd", p, v).reshape(n, heads * size)
    return mixed @ w["attn_output"].astype(np.float64).T


def feed_forward(m: Model, i: int, x: np.ndarray) -> np.ndarray:
    def weight(name: str) -> np.ndarray:
        return m.weights[f"blk.{i}.{name}.weight"].astype(np.float64)

    if m.arch == "phi3":
        gate, up = np.split(x @ weight("ffn_up").T, 2, axis=-1)
    else:
        gate, up = x @ weight("ffn_gate").T, x @ weight("ffn_up").T
    return (gate / (1 + np.exp(-gate)) * up) @ weight("ffn_down").T


def last_logits(m: Model, tokens: np.ndarray) -> np.ndarray:
    x = m.weights["token_embd.weight"].astype(np.float64)[tokens]
    for i in range(len(m.heads)):
        x = x + attention(m, i, rms_norm(x, m.weights[f"blk.{i}.attn_norm.weight"], m.eps))
        x = x + feed_forward(m, i, rms_norm(x, m.weights[f"blk.{i}.ffn_norm.weight"], m.eps))
    x = rms_norm(x[-1], m.weights["output_norm.weight"], m.eps)
    head = m.weights["token_embd.weight" if m.tied else "output.weight"]
    return head.astype(np.float64) @ x


def all_logits(m: Model, tokens: np.ndarray) -> np.ndarray:
    return np.stack([last_logits(m, tokens[: i + 1]) for i in range(len(tokens))])


def text(s: str) -> bytes:
    return struct.pack("<Q", len(s.encode())) + s.encode()


def number(kind: int, value: float) -> bytes:
    return struct.pack("<f", value) if kind == FLOAT else struct.pack("<I", int(value))


def key(name: str, kind: int, value: object) -> bytes:
    if isinstance(value, (list, np.ndarray)):
        head = struct.pack("<IIQ", ARRAY, kind, len(value))
        items = [text(v) if kind == STRING else number(kind, v) for v in value]
        return text(name) + head + b"".join(items)
    raw = text(value) if kind == STRING else number(kind, value)
    return text(name) + struct.pack("<I", kind) + raw


def keys(m: Model, tokens: np.ndarray) -> list[bytes]:
    layered = m.arch == "openelm"

    def counts(suffix: str, values: list[int]) -> bytes:
        if layered:
            return key(f"{m.arch}.{suffix}", I32, values)
        return key(f"{m.arch}.{suffix}", U32, values[0])

    out = [
        key("general.architecture", STRING, m.arch),
        key("general.name", STRING, m.name),
        key(f"{m.arch}.block_count", U32, len(m.heads)),
        key(f"{m.arch}.embedding_length", U32, m.n_embd),
        key(f"{m.arch}.context_length", U32, m.context),
        counts("attention.head_count", m.heads),
        counts("attention.head_count_kv", m.kv_heads),
        counts("feed_forward_length", m.ffn),
        key(f"{m.arch}.attention.layer_norm_rms_epsilon", FLOAT, m.eps),
        key(f"{m.arch}.rope.dimension_count", U32, m.head_size),
        key(f"{m.arch}.rope.freq_base", FLOAT, 10000.0),
        key("reference.tokens", U32, tokens),
    ]
    if layered:
        out += tokenizer_keys(m)
        out.append(key("openelm.attention.key_length", U32, m.head_size))
        out.append(key("openelm.attention.value_length", U32, m.head_size))
    if m.window:
        out.append(key(f"{m.arch}.attention.sliding_window", U32, m.window))
    if m.factors is not None:
        out.append(key(f"{m.arch}.rope.scaling.original_context_length", U32, m.original))
        out.append(key(f"{m.arch}.rope.scaling.attn_factor", FLOAT, m.gain))
    return out


def write(m: Model, tokens: np.ndarray, logits: np.ndarray, path: Path) -> None:
    tensors = dict(m.weights)
    if m.factors is not None:
        tensors["rope_factors_short.weight"], tensors["rope_factors_long.weight"] = m.factors
    tensors["reference.logits"] = logits.astype(np.float32)
    heads, data = b"", b""
    for name, value in tensors.items():
        data += b"\0" * (-len(data) % 32)
        heads += text(name) + struct.pack("<I", value.ndim)
        heads += struct.pack(f"<{value.ndim}Q", *reversed(value.shape))
        heads += struct.pack("<IQ", F16 if value.dtype == np.float16 else F32, len(data))
        data += value.tobytes()
    entries = keys(m, tokens)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries) + heads
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)


def pieces() -> list[str]:
    """A vocabulary of 48 for SentencePiece's pairs: better scores first, characters last."""
    joined = "in he th er an nd re on at en or es is it _t _th _the _a".replace("_", BLANK).split()
    return ["<unk>", "<s>", "</s>", *joined, BLANK, *"abcdefghijklmnopqrstuvwxyz"]


def encode(sentence: str) -> list[int]:
    """The slow way: the best of all pairs, again and again."""
    words = pieces()
    parts = list((" " + sentence).replace(" ", BLANK))
    while pairs := [(words.index(a + b), i) for i, (a, b) in enumerate(zip(parts, parts[1:]))
                    if a + b in words]:  # fmt: skip
        _, i = min(pairs)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return [1] + [words.index(p) for p in parts]


def continued(m: Model, sentence: str, n: int) -> str:
    """Always the likeliest token."""
    tokens = encode(sentence)
    start = len(tokens)
    for _ in range(n):
        token = int(last_logits(m, np.array(tokens)).argmax())
        if token == 2:
            break
        tokens.append(token)
    return "".join("" if t == 1 else pieces()[t].replace(BLANK, " ") for t in tokens[start:])


def tokenizer_keys(m: Model) -> list[bytes]:
    words = pieces()
    return [
        key("tokenizer.ggml.model", STRING, "llama"),
        key("tokenizer.ggml.tokens", STRING, words),
        key("tokenizer.ggml.scores", FLOAT, [-float(i) for i in range(len(words))]),
        key("tokenizer.ggml.token_type", I32, [2, 3, 3] + [1] * (len(words) - 3)),
        key("reference.prompt", STRING, PROMPT),
        key("reference.answer", STRING, continued(m, PROMPT, 12)),
    ]


def models(rng: np.random.Generator) -> list[tuple[Model, list[dict]]]:
    """Each model, and the mistakes that its logits must show."""
    half = 8
    return [
        (Model("golden_openelm", "openelm", 32, [2, 4, 6], [1, 2, 3], [32, 64, 96], 16, 48, 64,
               1e-6, head_norm=True),
         [{"head_norm": False}]),
        (Model("golden_phi3", "phi3", 32, [2, 2], [2, 2], [96, 96], 16, 48, 64, 1e-5, tied=False,
               window=7),
         [{"window": 0}, {"window": 8}, {"window": 6}, {"tied": True}]),
        (Model("golden_phi3_long", "phi3", 32, [2, 2], [1, 1], [64, 64], 16, 48, 64, 1e-5,
               original=13, gain=1.125,
               factors=(rng.uniform(1, 1.5, half).astype(np.float32),
                        rng.uniform(2, 8, half).astype(np.float32))),
         [{"gain": 1.0}, {"original": 12}, {"original": 14}, {"original": 64}]),
    ]  # fmt: skip


def main(folder: Path) -> None:
    rng = np.random.default_rng(20)
    for m, mistakes in models(rng):
        make_weights(m, rng)
        tokens = rng.integers(0, m.vocab, m.n_tokens)
        logits = all_logits(m, tokens)
        for mistake in mistakes:
            off = np.abs(all_logits(replace(m, **mistake), tokens) - logits).max()
            assert off > 0.05, (m.name, mistake, off)
        write(m, tokens, logits, folder / f"{m.name}.gguf")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
