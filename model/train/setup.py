"""From the configuration file to the objects of a run."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from model.train.answers import Teacher, Weights
from model.train.export import load_exported, rows_by_name
from model.train.layout import Layout, read_layout
from model.train.loss import LossWeights
from model.train.model import Millwright, Shape
from model.train.words import Wording

DEFAULT_CONFIG = Path(__file__).with_name("config.json")


@dataclass
class Setup:
    config: dict[str, Any]
    layout: Layout
    wording: Wording
    teacher: Teacher
    loss_weights: LossWeights

    @property
    def first_answer(self) -> int:
        """The first token that an answer may hold."""
        return self.layout.table("verdict")

    def folder(self, key: str) -> Path:
        return Path(self.config[key])


def read_setup(path: Path) -> Setup:
    config = json.loads(path.read_text(encoding="utf-8"))
    layout = read_layout(Path(config["describe"]))
    wording = Wording(layout)
    loss = dict(config["loss"])
    weights = Weights(**loss.pop("token"))
    teacher = Teacher(layout, wording, weights)
    return Setup(config, layout, wording, teacher, LossWeights(**loss))


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


def start_from(model: Millwright, setup: Setup, path: Path) -> None:
    """Takes over the weights of a checkpoint (the averaged ones) or of a GGUF file.  Tokens are matched
    by name; new words stay as they were drawn, and so do new codes beside a checkpoint; beside a file
    new codes start at zero, so that the run starts with what the file answers."""
    names = list(setup.layout.names) + setup.wording.words
    fresh = model.token_embd.detach().numpy().copy()
    if path.suffix == ".gguf":
        other, before = load_exported(path)
        weights = other.state_dict()
        fresh[: setup.layout.n_codes] = 0
    else:
        saved = torch.load(path, map_location="cpu")
        weights, before = saved["ema"], list(setup.layout.names) + saved["words"]
    table = rows_by_name(weights["token_embd"].numpy(), before, names, fresh)
    model.load_state_dict(weights | {"token_embd": torch.from_numpy(table)})


def load_checkpoint(path: Path, setup: Setup, averaged: bool = True) -> tuple[Millwright, dict]:
    """The (averaged) model of a checkpoint, and everything else that was saved with it."""
    saved = torch.load(path, map_location="cpu")
    model = Millwright(Shape(**saved["shape"]))
    model.load_state_dict(saved["ema" if averaged else "model"])
    if model.shape.vocab != setup.layout.n_codes + len(saved["words"]):
        raise ValueError(f"{path}: trained with another layout of codes")
    return model, saved
