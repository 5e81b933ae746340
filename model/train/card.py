"""Exports a stage with its card: `python3 -m model.train.card STAGE --out model/weights`.

The stage's entry "card" in the configuration names the model and its file, and the stage before it
whose weights know nothing of int8: their figures stand beside those of the file."""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.train.evaluate import evaluate
from model.train.export import export, load_exported
from model.train.loss import SOFT_PARTS
from model.train.model import Millwright
from model.train.setup import DEFAULT_CONFIG, Setup, load_checkpoint, read_setup
from model.train.start import lineage_saved

FIGURES = "figures.json"  # beside the checkpoint: what the card was written from
COLUMNS = ("fp32", "int8_after", "int8")
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


OUTCOMES = ("windows", "unknown", "a_name", "sure_name", "operation", "normal")


def cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(header: list[str], rows: list[list[Any]]) -> str:
    lines = [header, ["---"] * len(header)] + [[cell(value) for value in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def curve_table(curve: list[dict[str, float]]) -> str:
    chosen = np.unique(np.linspace(0, len(curve) - 1, CURVE_ROWS).astype(int))
    keys = ["step", "windows", "seconds", "asset", "channel", "answer", *SOFT_PARTS]
    keys = [key for key in keys if key in curve[-1]]
    return table(keys, [[curve[i].get(key, "–") for key in keys] for i in chosen])


def what_it_is(setup: Setup, shape: dict, parameters: int, size: int) -> str:
    heads = f"{shape['heads']} heads of {shape['head_size']}, {shape['kv_heads']} key-value heads"
    n_codes, card = setup.layout.n_codes, setup.config["card"]
    words = f"{n_codes:,} codes, {shape['vocab'] - n_codes} words and references (English, Korean)"
    return f"""# {card["name"]}

The model that reads every window of every machine: a decoder with channel-blocked attention over
the native prompt (`schemas/prompt.md`), two patch heads ("is a fault active in this patch?") and an
answer in tokens.

| | |
|---|---|
| file | `{card["file"]}.gguf`, {size:,} bytes, matrices Q8_0, norms and heads F32 |
| parameters | {parameters:,} |
| shape | {shape["layers"]} layers, width {shape["width"]}, {heads}, feed-forward {shape["ffn"]} |
| positions | RoPE, half-split, base {shape["rope_base"]:g} |
| vocabulary | {shape["vocab"]:,}: {words} |
| heads | read the hidden state after the output norm |
| licence | Apache-2.0, as the rest of the tree |
"""


def lineage_row(entry: dict[str, Any]) -> list[Any]:
    if "sha256" in entry:
        return [f"`{entry['stage']}` (SHA-256 {entry['sha256']}...)"] + ["–"] * 7
    width, layers, heads, groups, ffn = entry["size"]
    how = entry.get("how", "")
    if "cut" in entry:
        how += f", {entry['cut']['importance_kept']:.0%} of the importance kept"
    return [
        entry["stage"], entry.get("from") or "nothing", how, entry.get("teacher", "–"),
        f"{layers} x {width}, {heads}/{groups} heads, {ffn}", entry["step"], entry["positions"],
        f"{entry['seconds'] / 60:.0f}",
    ]  # fmt: skip


def how_it_was_trained(saved: dict) -> str:
    progress, config = saved["progress"], saved["config"]
    seeds, held_out = config["corpus"]["first_seed"], config.get("unknown", {})
    unnamed = config["corpus"].get("unnamed", {}).get("train", 0.0)
    listed = lambda key: ", ".join(held_out.get(key, [])) or "none"  # noqa: E731
    header = ["stage", "starts from", "how", "teacher", "shape", "steps", "positions", "minutes"]
    rows = [lineage_row(entry) for entry in lineage_saved(saved)]
    return f"""## Training

From simulated machines only (`mw-corpus`, {config["corpus"]["windows"]:,} windows a shard);
no measured data, no tuning on a benchmark. Seeds of shards by role: training from {seeds["train"]},
validation from {seeds["validation"]}, test from {seeds["test"]}; a series never serves two roles.
Configuration: `model/train/config.json`; replicas: {config["replicas"]}, one CPU core each, shared, in bf16.
Taught as *unknown*: {listed("taught")}. Never shown: {listed("never")}. Series with a fault that has no
name, taught as *unknown* (`mw-corpus --unnamed`), in the last stage's shards: {unnamed:.0%}.

{table(header, rows)}

Losses of the last stage, running means (asset and channel: cross-entropy of the patch heads; answer:
weighted cross-entropy of the answer's tokens; soft: divergence from the teacher; int8 imitated):

{curve_table(progress["curve"])}
"""


def names_tables(names: dict) -> str:
    at = names["known_faults"]["coverage_at_risk"]
    risks = [f"{float(risk):.0%}" for risk in at]
    rows = [
        [text, names[key]["found"], names[key]["wrong"], *names[key]["coverage_at_risk"].values()]
        for key, text in (("known_faults", "known faults"), ("all_faults", "with those held out"))
    ]
    outcomes = [
        [text, *(names[key][column] for column in OUTCOMES)]
        for key, text in (
            ("known", "known"), ("taught_as_unknown", "taught as unknown"), ("never_seen", "never shown"),
        )
    ]  # fmt: skip
    outcomes += [
        [f"never shown: {code}", *(entry[column] for column in OUTCOMES)]
        for code, entry in names["never_seen_by_code"].items()
    ]
    return f"""Names of faults of effect 2 and more that the model finds: how many are wrong, and how many it may
give when at most so many of those given are to be wrong (surest first; int8):

{table(["", "found", "wrong", *(f"at {risk} risk" for risk in risks)], rows)}

What it says of them, as shares (`sure_name`: a name as sure as the last column above asks for):

{table(["faults", *OUTCOMES], outcomes)}
"""


def how_good_it_is(figures: dict[str, dict]) -> str:
    int8 = figures["int8"]
    rows = [[text, *(figures[column][key] for column in COLUMNS)] for key, text in SUMMARY]
    bands = [[band[key] for key in BAND_COLUMNS] for band in int8["by_effect"]]
    by_share = sorted(int8["by_fault"].items(), key=lambda entry: -entry[1][1])
    faults = [[code, *pair] for code, pair in by_share]
    return f"""## On {int8["windows"]:,} validation windows of unseen series

fp32 and *int8 after training*: the weights before the int8 stage, as they are and rounded. *int8*: the
exported file, trained with int8 weights and activations imitated.

{table(["", "fp32", "int8 after training", "int8"], rows)}

By realised effect (largest deviation from the healthy twin in the window, in units of the channel's
noise); AUROC against normal windows; `top_channel` is the answer's first channel, `top_channel_heads`
the row of the strongest patch head (int8):

{table(list(BAND_COLUMNS), bands)}

Faults of effect 2 and more, and operations, named rightly among all names of their verdict (int8):

{table(["code", "windows", "named"], faults)}

{names_tables(int8["names"])}
## On recorded machines

`make eval` measures the shipped file through `millwright replay` on recorded sets and on sealed simulated machines, beside the
evidence alone and four other detectors, and writes `model/RESULTS.md`.

## Limits

Simulated figures do not carry over one to one: what counts is `millwright replay` on a machine's own
data. Effects below 2 noise units are mostly not seen. Names are a suggestion; many faults look alike
on few channels. A score is comparable only after calibration on the asset's own healthy windows. The
text cites measurements by reference and never writes a number. The model names no channels for
operations.
"""


def measured(setup: Setup, path: Path, limit: int) -> dict[str, dict]:
    """Figures by the names of COLUMNS."""
    before, _ = load_checkpoint(setup.source(setup.config["card"]["before"]), setup)
    shipped, _ = load_exported(path)

    def figures(model: Millwright, int8: bool) -> dict:
        model.quantised.on = int8
        return evaluate(model, setup, "validation", limit)

    return dict(zip(COLUMNS, (figures(before, False), figures(before, True), figures(shipped, True))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--set", action="append", default=[], metavar="A.B=JSON", dest="changes")
    parser.add_argument("--out", type=Path, default=Path("model/weights"))
    arguments = parser.parse_args()
    setup = read_setup(arguments.config, arguments.stage, arguments.changes)
    if "card" not in setup.config:
        parser.error(f"stage {arguments.stage} has no entry \"card\" in the configuration")
    torch.set_num_threads(setup.config["threads"])
    card, checkpoint = setup.config["card"], setup.source(arguments.stage)
    model, saved = load_checkpoint(checkpoint, setup)
    path = arguments.out / f"{card['file']}.gguf"
    export(model, setup.layout, saved["words"], path, card["name"])
    figures = measured(setup, path, setup.config["evaluate"]["windows"])
    text = json.dumps(figures, indent=1)
    checkpoint.with_name(FIGURES).write_text(text + "\n", encoding="utf-8")
    parameters = sum(p.numel() for p in model.parameters())
    parts = (
        what_it_is(setup, saved["shape"], parameters, path.stat().st_size),
        how_it_was_trained(saved),
        how_good_it_is(figures),
    )
    path.with_suffix(".md").write_text("\n".join(parts), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
