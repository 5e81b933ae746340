"""A model file for a newer layout of codes, without training:
`python3 -m model.train.migrate OLD.gguf NEW.gguf --describe build-train/describe.json`.

A code's row is found by its name, so codes may move.  Codes that the old file does not know get a row
of zeros: they add nothing to a position, and the model answers as before.  As a part of the answer a
row of zeros has the logit 0: a new fault needs training before it may be said.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from model.train.export import architecture, is_quantised, rows_by_name, shape_of, token_types, words_of
from model.train.gguf import read_gguf, write_gguf
from model.train.layout import Layout, read_layout

TOKENS, TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
GEOMETRY = ("row_length", "first_patch", "max_channels")


def check_geometry(path: Path, metadata: dict, layout: Layout) -> None:
    """Positions must mean what they meant: only codes can be carried over."""
    for key in GEOMETRY:
        old, new = metadata[f"millwright.prompt.{key}"], getattr(layout, key)
        if old != new:
            raise ValueError(f"{path}: prompt.{key} is {old}, the layout has {new}")


def migrate(
    old: Path, new: Path, layout: Layout, silent: bool = False
) -> tuple[list[str], list[str]]:
    """Writes the file, without its words if silent; returns the codes that are new, and those gone."""
    metadata, tensors = read_gguf(old)
    check_geometry(old, metadata, layout)
    before, words = metadata[TOKENS], [] if silent else words_of(metadata)
    names = list(layout.names) + words
    table = tensors["token_embd.weight"]
    nothing = np.zeros((len(names), table.shape[1]), np.float32)
    tensors["token_embd.weight"] = rows_by_name(table, before, names, nothing)
    metadata |= architecture(shape_of(metadata), layout)
    metadata |= {TOKENS: names, TYPES: token_types(layout, words)}
    write_gguf(new, metadata, tensors, {key for key in tensors if is_quantised(key)})
    fresh = [name for name in names if name not in set(before)]
    return fresh, [name for name in before if name not in set(names)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--describe", type=Path, required=True)
    parser.add_argument(
        "--silent", action="store_true", help="leave out its words: fixed sentences tell"
    )
    arguments = parser.parse_args()
    try:
        layout = read_layout(arguments.describe)
        fresh, gone = migrate(arguments.old, arguments.new, layout, arguments.silent)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.new}: {len(fresh)} new codes, {len(gone)} gone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
