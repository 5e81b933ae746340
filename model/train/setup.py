"""From the configuration file to the objects of a run."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

import torch

from model.train.answers import Teacher, Weights
from model.train.export import load_exported, rows_by_name
from model.train.grow import grow
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
    teacher: Teacher
    loss_weights: LossWeights
    held_out: HeldOut

    @property
    def first_answer(self) -> int:
        """The first token that an answer may hold."""
        return self.layout.table("verdict")

    def folder(self, key: str) -> Path:
        return Path(self.config[key])

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
    """What a stage runs with: the whole file, its own entries on top."""
    if stage not in config["stages"]:
        raise ValueError(f"no stage {stage}: there are {', '.join(config['stages'])}")
    own = config["stages"][stage] | {"checkpoints": f"{config['runs']}/{stage}", "stage": stage}
    return merged(config, own)


def read_setup(path: Path, stage: Optional[str] = None, changes: Sequence[str] = ()) -> Setup:
    config = json.loads(path.read_text(encoding="utf-8"))
    if stage is not None:
        config = stage_config(config, stage)
    for assignment in changes:
        config = changed(config, assignment)
    return make_setup(config)


def make_setup(config: dict[str, Any]) -> Setup:
    layout = read_layout(Path(config["describe"]))
    wording = Wording(layout)
    loss = dict(config["loss"])
    loss.pop("fault_balance", None)
    weights = Weights(**loss.pop("token"))
    teacher = Teacher(layout, wording, weights)
    held_out = HeldOut.of(layout, config.get("unknown", {}))
    return Setup(config, layout, wording, teacher, LossWeights(**loss), held_out)


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


def take_tokens(model: Millwright, before: list[str], setup: Setup, new_codes: float) -> Millwright:
    """The model with the tokens of the setup, matched by name; what is new is drawn, codes with
    `new_codes` times the spread of the table."""
    names, table = list(setup.layout.names) + setup.wording.words, model.token_embd.detach().numpy()
    generator = torch.Generator().manual_seed(setup.config["seed"])
    fresh = torch.randn(len(names), model.shape.width, generator=generator).numpy() * table.std()
    fresh[: setup.layout.n_codes] *= new_codes
    rows = torch.from_numpy(rows_by_name(table, before, names, fresh))
    renamed = Millwright(replace(model.shape, vocab=len(names)))
    renamed.load_state_dict(model.state_dict() | {"token_embd": rows})
    return renamed


def start_from(model: Millwright, setup: Setup, path: Path) -> None:
    """Takes over the weights of a checkpoint or of a GGUF file, grown where `model` is larger.  Beside
    a file new codes start at zero, so that the run starts with what the file answers."""
    other, before = load_named(path, setup)
    other = take_tokens(other, before, setup, 0.0 if path.suffix == ".gguf" else 1.0)
    if other.shape.size != model.shape.size:
        other = grow(other, model.shape, setup.config["grow_noise"], setup.config["seed"])
    model.load_state_dict(other.state_dict())


def load_checkpoint(path: Path, setup: Setup, averaged: bool = True) -> tuple[Millwright, dict]:
    """The (averaged) model of a checkpoint, and everything else that was saved with it."""
    saved = torch.load(path, map_location="cpu")
    model = Millwright(Shape(**saved["shape"]))
    model.load_state_dict(saved["ema" if averaged else "model"])
    if model.shape.vocab != setup.layout.n_codes + len(saved["words"]):
        raise ValueError(f"{path}: trained with another layout of codes")
    return model, saved
