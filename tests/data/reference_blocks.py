"""Random blocks of ggml's weight types and their values, worked out bit by bit with numpy from the
description of the formats: `reference_blocks.py FILE` writes golden_blocks.gguf.

Tensor "<type>" holds two rows of 512 random values as blocks, tensor "<type>.values" the same as
float.  Bytes are random all over, scales excepted: those are halfs that are not too large.
"""
from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np

ROWS, COLS = 2, 512


def half(block: np.ndarray, at: int) -> float:
    return float(block[at : at + 2].copy().view(np.float16)[0])


def bits(block: np.ndarray, at: int, n: int) -> np.ndarray:
    """[n, 8]: the bits of n bytes, lowest first."""
    return np.unpackbits(block[at : at + n, None], axis=1, bitorder="little").astype(int)


def number(parts: np.ndarray) -> np.ndarray:
    """Bits along the last axis, lowest first, as a number."""
    return (parts << np.arange(parts.shape[-1])).sum(-1)


def q4_0(block: np.ndarray) -> np.ndarray:
    b = bits(block, 2, 16)
    return half(block, 0) * (np.concatenate([number(b[:, :4]), number(b[:, 4:])]) - 8.0)


def scales_and_minimums(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    b = bits(block, 4, 12)
    first, second, third = b[:4], b[4:8], b[8:]
    scale = [number(first[:, :6]), number(np.hstack([third[:, :4], first[:, 6:]]))]
    minimum = [number(second[:, :6]), number(np.hstack([third[:, 4:], second[:, 6:]]))]
    return np.concatenate(scale), np.concatenate(minimum)


def q45(block: np.ndarray, nibbles_at: int, high_at: int | None) -> np.ndarray:
    scale, minimum = scales_and_minimums(block)
    low = bits(block, nibbles_at, 128).reshape(4, 32, 2, 4).transpose(0, 2, 1, 3).reshape(8, 32, 4)
    if high_at is not None:
        low = np.concatenate([low, bits(block, high_at, 32).T[:, :, None]], -1)
    d, m = half(block, 0), half(block, 2)
    return (d * scale[:, None] * number(low) - m * minimum[:, None]).ravel()


def q4_k(block: np.ndarray) -> np.ndarray:
    return q45(block, 16, None)


def q5_k(block: np.ndarray) -> np.ndarray:
    return q45(block, 48, 16)


def q6_k(block: np.ndarray) -> np.ndarray:
    low = bits(block, 0, 128).reshape(2, 64, 2, 4)  # half, byte, which nibble
    low = low.transpose(0, 2, 1, 3).reshape(2, 128, 4)
    high = bits(block, 128, 64).reshape(2, 32, 4, 2).transpose(0, 2, 1, 3).reshape(2, 128, 2)
    q = number(np.concatenate([low, high], -1)).ravel() - 32.0
    return half(block, 208) * np.repeat(block[192:208].view(np.int8).astype(float), 16) * q


# name: number of the type, values and bytes of a block, places of its halfs, function
TYPES = {
    "Q4_0": (2, 32, 18, [0], q4_0),
    "Q4_K": (12, 256, 144, [0, 2], q4_k),
    "Q5_K": (13, 256, 176, [0, 2], q5_k),
    "Q6_K": (14, 256, 210, [208], q6_k),
}


def text(s: str) -> bytes:
    return struct.pack("<Q", len(s)) + s.encode()


def main(path: Path) -> None:
    rng = np.random.default_rng(8)
    heads, data = b"", b""

    def tensor(name: str, kind: int, raw: bytes) -> None:
        nonlocal heads, data
        data += b"\0" * (-len(data) % 32)
        heads += text(name) + struct.pack("<IQQIQ", 2, COLS, ROWS, kind, len(data))
        data += raw

    for name, (kind, values, size, halfs, function) in TYPES.items():
        blocks = rng.integers(0, 256, (ROWS * COLS // values, size)).astype(np.uint8)
        for at in halfs:
            scale = rng.uniform(-0.05, 0.05, len(blocks)).astype(np.float16)
            blocks[:, at : at + 2] = scale.view(np.uint8).reshape(-1, 2)
        tensor(name, kind, blocks.tobytes())
        floats = np.concatenate([function(b) for b in blocks]).astype(np.float32)
        tensor(name + ".values", 0, floats.tobytes())
    head = b"GGUF" + struct.pack("<IQQ", 3, 2 * len(TYPES), 0) + heads
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
