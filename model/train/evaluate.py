"""How good a model is on a role's shards:
`python3 -m model.train.evaluate MODEL [--role validation] [--int8]`.

MODEL is a stage, a checkpoint or a GGUF file.  Answers are decoded greedily within the grammar, fields
in order, each conditioned on the model's own earlier ones.
"""
from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Iterator

import numpy as np
import torch
from torch import Tensor

from model.train.augment import empty_codes
from model.train.export import load_exported
from model.train.layout import (
    FAULT, N_ONSET, N_VERDICT, NONE_CODE, NORMAL, OPERATION, UNKNOWN, Layout,
)  # fmt: skip
from model.train.model import Millwright, Output
from model.train.risk import unknown_figures
from model.train.setup import DEFAULT_CONFIG, Setup, load_checkpoint, read_setup
from model.train.shards import NO_CHANNEL, Group, merge, read_shard
from model.train.unknown import HeldOut

WRONG = (FAULT, UNKNOWN)  # verdicts that say that something is wrong
BANDS = ((0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, np.inf))


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve by ranks, ties shared; NaN where one class is empty."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    above = rank[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


@dataclass
class Answers:
    """What the model said of each window, beside the labels."""

    label: dict[str, list[np.ndarray]] = field(default_factory=dict)
    said: dict[str, list[np.ndarray]] = field(default_factory=dict)
    asset: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    channel: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, group: Group, held_out: HeldOut, said: dict[str, np.ndarray], out: Output) -> None:
        labels = {name: np.asarray(group.data[name]) for name in ("onset", "channels", "effect")}
        labels["verdict"], labels["fault"] = held_out.labels(group.data)
        labels |= {"code": np.asarray(group.data["fault"]), "never": held_out.is_never(group.data)}
        for name, value in labels.items():
            self.label.setdefault(name, []).append(value)
        for name, value in said.items():
            self.said.setdefault(name, []).append(value)
        truth = group.data["patch"].astype(bool)
        self.label.setdefault("now", []).append(truth[:, 0, -1])
        self.asset.append((out.asset.numpy().ravel(), truth[:, 0].ravel()))
        self.channel.append((out.channel.numpy().ravel(), truth[:, 1:].ravel()))

    def joined(self, table: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate(parts) for name, parts in table.items()}


class Reader:
    """Runs the plain fp32 model over groups of windows."""

    def __init__(self, model: Millwright, layout: Layout) -> None:
        self.model, self.layout = model.eval(), layout
        kinds = np.array(layout.fault_kinds)
        fault = np.isin(kinds, ("sensor", "process"))
        unknown = np.array([code == "unknown" for code in layout.faults])
        normal = np.array([code == "none" for code in layout.faults])
        self.fitting = torch.from_numpy(np.stack((normal, kinds == "operation", fault, unknown)))

    def tail(self, columns: list[Tensor]) -> Tensor:
        question = torch.full((len(columns[0]), 1, self.layout.slots), NONE_CODE)
        question[:, 0, 0], question[:, 0, 1] = self.layout.table("ask"), self.layout.table("en")
        answer = torch.full((len(columns[0]), len(columns) - 1, self.layout.slots), NONE_CODE)
        for i, column in enumerate(columns[1:]):
            answer[:, i, 0] = column
        return torch.cat((question, answer), 1)

    def following(self, rows: int, cache: list, columns: list[Tensor], first: int, count: int):
        """Logits of `count` tokens from `first` on, for the token after the columns."""
        tail = self.model.read_tail(self.tail(columns), rows, cache)
        return self.model.logits(tail[:, -1])[:, first : first + count]

    def read(self, group: Group) -> tuple[dict[str, np.ndarray], Output]:
        """Verdict, fault, first channel (0: none named) and onset, as the model would answer."""
        table, n = self.layout.table, len(group)
        codes = torch.from_numpy(group.data["code"].astype(np.int64))
        columns = [torch.zeros(n, dtype=torch.long)]
        asset, channel, cache = self.model.read_rows(codes)
        ask = partial(self.following, group.rows, cache, columns)
        logits = ask(table("verdict"), N_VERDICT)
        verdict, share = logits.argmax(1), logits.softmax(1)
        columns.append(table("verdict") + verdict)
        logits = ask(table("fault"), len(self.layout.faults))
        sure, fault = logits.masked_fill(~self.fitting[verdict], -1e9).softmax(1).max(1)
        columns += [table("fault") + fault, torch.full((n,), table("severity") + 1)]
        width = table("end_channels") - table("channel") + 1
        logits = ask(table("channel"), width)
        logits[:, group.rows - 1 : width - 1] = -1e9  # channels that the window does not have
        top = logits.argmax(1)
        named = top < width - 1
        columns.append(torch.where(named, table("channel") + top, table("end_channels")))
        columns.append(torch.full((n,), table("end_channels")))
        logits = ask(table("onset"), N_ONSET)
        heads = torch.maximum(asset.amax(1), channel.flatten(1).amax(1))
        said = {
            "verdict": verdict, "share": share[:, (FAULT, UNKNOWN)].sum(1), "fault": fault,
            "name_sure": sure,
            "top": torch.where(named, top + 1, torch.zeros_like(top)), "onset": logits.argmax(1),
            "asset_head": asset.amax(1), "heads": heads, "asset_now": asset[:, -1],
            "channel_now": channel[:, :, -1].amax(1),
            "top_head": channel.amax(2).argmax(1) + 1,
        }  # fmt: skip
        return {name: value.numpy() for name, value in said.items()}, Output(asset, channel, None)


def groups_of(setup: Setup, role: str, limit: int) -> Iterator[Group]:
    """Groups of the role's shards, cut to `limit` windows in all, in pieces of bounded size."""
    paths = sorted(setup.folder("shards").glob(setup.config["data"][role]))
    merged = merge(group for path in paths for group in read_shard(path))
    empty = setup.config["data"].get("empty", [])
    total = sum(map(len, merged.values()))
    for group in merged.values():
        count = max(1, round(len(group) * min(1.0, limit / total)))
        piece = max(1, 10000 // (group.rows * 20))
        chosen = np.linspace(0, len(group) - 1, count).astype(int)
        for at in range(0, count, piece):
            part = group.take(chosen[at : at + piece])
            part.data["code"] = empty_codes(part.data["code"], setup.layout, empty)
            yield part


def share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def by_effect(label: dict, said: dict, real: np.ndarray, healthy: np.ndarray) -> list[dict]:
    rows = []
    for low, high in BANDS:
        band = real & (label["effect"] >= low) & (label["effect"] < high)
        both = band | healthy
        first = label["channels"][band][:, 0]
        known = first != NO_CHANNEL
        away = np.abs(said["onset"][band].astype(int) - label["onset"][band])
        rows.append(
            {
                "effect": f"{low:g} to {high:g}",
                "windows": int(band.sum()),
                "auroc_heads": auroc(said["heads"][both], band[both]),
                "auroc_asset_head": auroc(said["asset_head"][both], band[both]),
                "auroc_verdict": auroc(said["share"][both], band[both]),
                "called_fault": share(np.isin(said["verdict"][band], WRONG)),
                "fault_top1": share(said["fault"][band] == label["fault"][band]),
                "top_channel": share(said["top"][band][known] == first[known]),
                "top_channel_heads": share(said["top_head"][band][known] == first[known]),
                "onset_within_1": share(away <= 1),
            }
        )
    return rows


def by_fault(label: dict, said: dict, real: np.ndarray, layout: Layout) -> dict[str, list[float]]:
    """Fault code -> [windows, share named rightly]; effects of 2 noise units and more."""
    table = {}
    for index, code in enumerate(layout.faults):
        own = (label["fault"] == index) & (real & (label["effect"] >= 2) | (label["verdict"] == 1))
        if own.any():
            table[code] = [int(own.sum()), share(said["fault"][own] == index)]
    return table


def evaluate(model: Millwright, setup: Setup, role: str, limit: int) -> dict:
    reader, answers = Reader(model, setup.layout), Answers()
    with torch.no_grad():
        for group in groups_of(setup, role, limit):
            said, out = reader.read(group)
            answers.add(group, setup.held_out, said, out)
    label, said = answers.joined(answers.label), answers.joined(answers.said)
    asset = map(np.concatenate, zip(*answers.asset))
    channel = map(np.concatenate, zip(*answers.channel))
    real, healthy = np.isin(label["verdict"], WRONG), label["verdict"] == NORMAL
    operation, named = label["verdict"] == OPERATION, (label["verdict"] == FAULT) & ~label["never"]
    return {
        "windows": len(real),
        "patch_auroc_asset": auroc(*asset),
        "patch_auroc_channel": auroc(*channel),
        "now_auroc_asset": auroc(said["asset_now"], label["now"]),
        "now_auroc_channel": auroc(said["channel_now"], label["now"]),
        "window_auroc": auroc(said["heads"], real),
        "window_auroc_without_operations": auroc(said["heads"][~operation], real[~operation]),
        "verdict_auroc": auroc(said["share"], real),
        "verdict_right": share((said["verdict"] == label["verdict"])[~label["never"]]),
        "operation_called_fault": share(np.isin(said["verdict"][operation], WRONG)),
        "normal_called_fault": share(np.isin(said["verdict"][healthy], WRONG)),
        "by_effect": by_effect(label, said, named, healthy),
        "by_fault": by_fault(label, said, named, setup.layout),
        "names": unknown_figures(label, said, setup.layout, setup.config["evaluate"]),
    }


def load_model(path: Path, setup: Setup) -> Millwright:
    if path.suffix == ".gguf":
        return load_exported(path)[0]
    return load_checkpoint(path, setup)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a stage of the configuration, a checkpoint or a GGUF file")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--set", action="append", default=[], metavar="A.B=JSON", dest="changes")
    parser.add_argument("--role", default="validation", choices=("train", "validation", "test"))
    parser.add_argument("--limit", type=int, help="windows at most; none: as configured")
    parser.add_argument("--int8", action="store_true", help="imitate int8 weights and activations")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    setup = read_setup(arguments.config, None, arguments.changes)
    torch.set_num_threads(setup.config["threads"])
    model = load_model(setup.source(arguments.model), setup)
    model.quantised.on = arguments.int8
    limit = arguments.limit or setup.config["evaluate"]["windows"]
    text = json.dumps(evaluate(model, setup, arguments.role, limit), indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
