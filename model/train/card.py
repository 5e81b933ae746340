"""Exports a checkpoint with its card:
`python3 -m model.train.card CHECKPOINT --out model/weights`."""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from model.train.evaluate import evaluate
from model.train.export import NAME, export, load_exported
from model.train.setup import DEFAULT_CONFIG, Setup, load_checkpoint, read_setup

FILE = "millwright-nano"
CURVE_ROWS = 12
SUMMARY = (
    ("patch_auroc_asset", "patch AUROC, asset row"),
    ("patch_auroc_channel", "patch AUROC, channel rows"),
    ("now_auroc_asset", "newest patch AUROC, asset row"),
    ("now_auroc_channel", "newest patch AUROC, strongest channel"),
    ("window_auroc", "window AUROC, patch heads, fault against all else"),
    ("window_auroc_without_operations", "the same without operations"),
    ("verdict_auroc", "window AUROC, verdict token"),
    ("verdict_right", "verdict token right"),
    ("operation_called_fault", "operations called faults"),
    ("normal_called_fault", "normal windows called faults"),
)
BAND_COLUMNS = (
    "effect", "windows", "auroc_heads", "auroc_asset_head", "auroc_verdict", "called_fault",
    "fault_top1", "top_channel", "top_channel_heads", "onset_within_1",
)  # fmt: skip


def cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(header: list[str], rows: list[list[Any]]) -> str:
    lines = [header, ["---"] * len(header)] + [[cell(value) for value in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def curve_table(curve: list[dict[str, float]]) -> str:
    chosen = np.unique(np.linspace(0, len(curve) - 1, CURVE_ROWS).astype(int))
    keys = ["step", "windows", "seconds", "asset", "channel", "answer"]
    return table(keys, [[curve[i][key] for key in keys] for i in chosen])


def what_it_is(setup: Setup, shape: dict, parameters: int, size: int) -> str:
    heads = f"{shape['heads']} heads of {shape['head_size']}, {shape['kv_heads']} key-value heads"
    n_codes = setup.layout.n_codes
    words = f"{n_codes:,} codes, {shape['vocab'] - n_codes} words and references (English, Korean)"
    return f"""# {NAME}

The model that reads every window of every machine: a decoder with channel-blocked attention over
the native prompt (`schemas/prompt.md`), two patch heads ("is a fault active in this patch?") and an
answer in tokens.

| | |
|---|---|
| file | `{FILE}.gguf`, {size:,} bytes, matrices Q8_0, norms and heads F32 |
| parameters | {parameters:,} |
| shape | {shape["layers"]} layers, width {shape["width"]}, {heads}, feed-forward {shape["ffn"]} |
| positions | RoPE, half-split, base {shape["rope_base"]:g} |
| vocabulary | {shape["vocab"]:,}: {words} |
| heads | read the hidden state after the output norm |
| licence | Apache-2.0 |
"""


def how_it_was_trained(setup: Setup, saved: dict) -> str:
    progress, seeds = saved["progress"], setup.config["corpus"]["first_seed"]
    seconds = progress["seconds"]
    rate = progress["positions"] / seconds
    earlier = (
        ", from the weights of the first model (prompt version 1, 103 million positions of an earlier corpus; codes matched by name)"
        if setup.config.get("start_from")
        else ""
    )
    imitated = 1 - setup.config["optimiser"]["quantised_from"]
    return f"""## Training

From simulated machines only (`mw-corpus`, {setup.config["corpus"]["windows"]:,} windows a shard);
no measured data, no tuning on a benchmark. Seeds of shards by role: training from {seeds["train"]},
validation from {seeds["validation"]}, test from {seeds["test"]}; a series never serves two roles.
Configuration: `model/train/config.json`.

{progress["windows"]:,} windows, {progress["positions"]:,} positions, {progress["step"]:,} steps,
{seconds / 60:.0f} minutes on {setup.config["replicas"]} shared CPU cores in bf16
({rate:,.0f} positions/s){earlier}. int8 weights and activations are imitated in the
last {imitated:.0%}. Losses, running means (asset and channel: cross-entropy of the patch heads;
answer: weighted cross-entropy of the answer's tokens):

{curve_table(progress["curve"])}
"""


def how_good_it_is(figures: dict, int8: dict) -> str:
    rows = [[text, figures[key], int8[key]] for key, text in SUMMARY]
    bands = [[band[key] for key in BAND_COLUMNS] for band in int8["by_effect"]]
    by_share = sorted(int8["by_fault"].items(), key=lambda entry: -entry[1][1])
    faults = [[code, *pair] for code, pair in by_share]
    return f"""## On {int8["windows"]:,} validation windows of unseen series

fp32: the averaged weights before quantisation. int8: the exported file with int8 activations.

{table(["", "fp32", "int8"], rows)}

By realised effect (largest deviation from the healthy twin in the window, in units of the channel's
noise); AUROC against normal windows; `top_channel` is the answer's first channel, `top_channel_heads`
the row of the strongest patch head (int8):

{table(list(BAND_COLUMNS), bands)}

Faults of effect 2 and more, and operations, named rightly among all names of their verdict (int8):

{table(["code", "windows", "named"], faults)}

## On recorded machines

`make eval` measures the shipped file through `millwright replay` on recorded sets and on sealed simulated machines, beside the
evidence alone and four other detectors, and writes `model/RESULTS.md`.

## Limits

Simulated figures do not carry over one to one: what counts is `millwright replay` on a machine's own
data. Effects below 2 noise units are mostly not seen. Names are a suggestion; many faults look alike
on few channels. A score is comparable only after calibration on the asset's own healthy windows. The
text cites measurements by reference and never writes a number. The model has not learnt the verdict
`unknown`, and names no channels for operations.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--limit", type=int, default=10000)
    parser.add_argument("--out", type=Path, default=Path("model/weights"))
    arguments = parser.parse_args()
    setup = read_setup(arguments.config)
    model, saved = load_checkpoint(arguments.checkpoint, setup)
    path = arguments.out / f"{FILE}.gguf"
    export(model, setup.layout, saved["words"], path)
    figures = evaluate(model, setup, "validation", arguments.limit)
    shipped, _ = load_exported(path)
    shipped.quantised.on = True
    int8 = evaluate(shipped, setup, "validation", arguments.limit)
    parameters = sum(p.numel() for p in model.parameters())
    parts = (
        what_it_is(setup, saved["shape"], parameters, path.stat().st_size),
        how_it_was_trained(setup, saved),
        how_good_it_is(figures, int8),
    )
    (arguments.out / f"{FILE}.md").write_text("\n".join(parts), encoding="utf-8")
    print(json.dumps({"fp32": figures, "int8": int8}, indent=1))


if __name__ == "__main__":
    main()
