"""From the configuration file to the objects of a run."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import torch

from model.train.answers import TailWriter, Weights
from model.train.export import load_exported
from model.train.layout import Layout, read_layout
from model.train.loss import LossWeights
from model.train.model import Millwright, Shape
from model.train.unknown import HeldOut
from model.train.words import Wording

DEFAULT_CONFIG = Path(__file__).with_name("config.json")
LAST = "last.pt"  # the newest checkpoint of a run


@dataclass
class Setup:
    config: dict[str, Any]
    layout: Layout
    wording: Wording
    writer: TailWriter
    loss_weights: LossWeights
    held_out: HeldOut

    @property
    def first_answer(self) -> int:
        """The first token that an answer may hold."""
        return self.layout.table("verdict")

    def folder(self, key: str) -> Path:
        return Path(self.config[key])

    @property
    def tokens(self) -> list[str]:
        """Names of all tokens: codes, then words."""
        return list(self.layout.names) + self.wording.words

    def train_shards(self) -> list[Path]:
        return sorted(self.folder("shards").glob(self.config["data"]["train"]))

    def source(self, name: str) -> Path:
        """The file that a stage's name or a path stands for."""
        if name in self.config.get("stages", {}):
            return self.folder("runs") / name / LAST
        return Path(name)


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the entries of `over`, table by table."""
    both = dict(base)
    for key, value in over.items():
        inner = isinstance(value, dict) and isinstance(base.get(key), dict)
        both[key] = merged(base[key], value) if inner else value
    return both


def changed(config: dict[str, Any], assignment: str) -> dict[str, Any]:
    """The configuration after `a.b=JSON`; KeyError where it has no such table."""
    place, value = assignment.split("=", 1)
    *tables, key = place.split(".")
    over: dict[str, Any] = {key: json.loads(value)}
    for table in reversed(tables):
        over = {table: over}
    where = config
    for table in tables:
        where = where[table]
    return merged(config, over)


def stage_config(config: dict[str, Any], stage: str) -> dict[str, Any]:
    """What a stage runs with: the whole file, then the stage that it is `like`, then its own."""
    if stage not in config["stages"]:
        raise ValueError(f"no stage {stage}: there are {', '.join(config['stages'])}")
    own = config["stages"][stage] | {"stage": stage}
    base = stage_config(config, own["like"]) if "like" in own else config
    return merged(base, own)


def read_setup(path: Path, stage: Optional[str] = None, changes: Sequence[str] = ()) -> Setup:
    config = json.loads(path.read_text(encoding="utf-8"))
    if stage is not None:
        config = stage_config(config, stage)
    for assignment in changes:
        config = changed(config, assignment)
    if stage is not None:
        config["checkpoints"] = f"{config['runs']}/{stage}"
    return setup_of(config)


def setup_of(config: dict[str, Any]) -> Setup:
    layout = read_layout(Path(config["describe"]))
    wording = Wording(layout)
    loss = dict(config["loss"])
    for other in ("fault_balance", "distil"):
        loss.pop(other, None)
    weights = Weights(**loss.pop("token"))
    writer = TailWriter(layout, wording, weights, config["data"].get("unknown_words", 0.0))
    held_out = HeldOut.of(layout, config.get("unknown", {}))
    return Setup(config, layout, wording, writer, LossWeights(**loss), held_out)


def make_shape(setup: Setup) -> Shape:
    layout = setup.layout
    return Shape(
        vocab=layout.n_codes + len(setup.wording.words),
        row_length=layout.row_length,
        first_patch=layout.first_patch,
        **setup.config["model"],
    )


def make_model(setup: Setup, seed: int) -> Millwright:
    torch.manual_seed(seed)
    return Millwright(make_shape(setup))


def load_named(path: Path, setup: Setup) -> tuple[Millwright, list[str]]:
    """The model of a GGUF file or of a checkpoint (averaged weights), and its token names."""
    if path.suffix == ".gguf":
        return load_exported(path)
    model, saved = load_checkpoint(path, setup)
    return model, list(setup.layout.names) + saved["words"]


def load_checkpoint(path: Path, setup: Setup, averaged: bool = True) -> tuple[Millwright, dict]:
    """The (averaged) model of a checkpoint, and everything else that was saved with it."""
    saved = torch.load(path, map_location="cpu")
    model = Millwright(Shape(**saved["shape"]))
    model.load_state_dict(saved["ema" if averaged else "model"])
    if model.shape.vocab != setup.layout.n_codes + len(saved["words"]):
        raise ValueError(f"{path}: trained with another layout of codes")
    return model, saved
