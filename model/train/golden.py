"""A tiny random model and its answers, the truth that the C engine is tested against:
`python3 -m model.train.golden --describe FILE --out tests/data`.

golden_lm.bin, little endian: magic "MWG1", u32 n_rows, row_len, slots, n_tail, n_vocab, then
u16 codes[n_rows * row_len * slots], u16 tail[n_tail * slots], f32 patch_logits[n_rows * 16],
f32 tail_logits[n_tail * n_vocab]; from fp32 arithmetic on the file's dequantised weights.
"""
from __future__ import annotations

import argparse
import struct
from pathlib import Path

import numpy as np
import torch

from model.train.export import export, load_exported
from model.train.layout import NONE_CODE, Layout, read_layout
from model.train.model import Millwright, Shape
from model.train.words import vocabulary

SEED = 20
ROWS = 5


def tiny_shape(layout: Layout, n_words: int) -> Shape:
    return Shape(
        vocab=layout.n_codes + n_words, width=32, layers=2, heads=4, kv_heads=2, head_size=8,
        ffn=64, row_length=layout.row_length, first_patch=layout.first_patch,
    )  # fmt: skip


def random_codes(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    """[ROWS, row_length, slots]: any codes before the question, some slots empty."""
    size = (ROWS, layout.row_length, layout.slots)
    codes = rng.integers(0, layout.table("ask"), size).astype(np.uint16)
    codes[rng.random(size) < 0.3] = NONE_CODE
    return codes


def answer_tail(layout: Layout) -> np.ndarray:
    """The question in Korean and an answer with two channels and a few words."""
    table = layout.table
    answer = [
        table("verdict") + 2, table("fault") + layout.faults.index("leak"), table("severity") + 1,
        table("channel") + 2, table("channel"), table("end_channels"), table("onset") + 9,
        layout.n_codes, layout.n_codes + 17, layout.n_codes + 40, table("eos"),
    ]  # fmt: skip
    tail = np.full((1 + len(answer), layout.slots), NONE_CODE, np.uint16)
    tail[0, :2] = table("ask"), table("ko")
    tail[1:, 0] = answer
    return tail


def write_golden(layout: Layout, folder: Path) -> None:
    torch.manual_seed(SEED)
    words = vocabulary()
    model = Millwright(tiny_shape(layout, len(words)))
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases must matter too
            parameter.add_(torch.randn_like(parameter) * 0.15)
    export(model, layout, words, folder / "golden_lm.gguf", name="golden")
    model, _ = load_exported(folder / "golden_lm.gguf")
    codes, tail = random_codes(layout, np.random.default_rng(SEED)), answer_tail(layout)
    as_batch = lambda array: torch.from_numpy(array.astype(np.int64))[None]  # noqa: E731
    with torch.no_grad():
        out = model(as_batch(codes), as_batch(tail))
        patches = torch.cat((out.asset[:, None], out.channel), 1)[0]
        logits = model.logits(out.tail)[0]
    head = struct.pack("<4s5I", b"MWG1", *codes.shape, len(tail), model.shape.vocab)
    arrays = (codes, tail, patches.numpy().astype("<f4"), logits.numpy().astype("<f4"))
    raw = head + b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    (folder / "golden_lm.bin").write_bytes(raw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--describe", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("tests/data"))
    arguments = parser.parse_args()
    write_golden(read_layout(arguments.describe), arguments.out)


if __name__ == "__main__":
    main()
