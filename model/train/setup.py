"""From the configuration file to the objects of a run."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from model.train.answers import Teacher, Weights
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
    """Takes over the averaged weights of an earlier run; tokens are matched by name, new ones stay
    as they were drawn."""
    saved = torch.load(path, map_location="cpu")
    weights, codes = saved["ema"], list(setup.layout.names)
    names, before = codes + setup.wording.words, codes + saved["words"]
    earlier = {name: i for i, name in enumerate(before)}
    table = model.token_embd.detach().clone()
    for i, name in enumerate(names):
        if name in earlier:
            table[i] = weights["token_embd"][earlier[name]]
    model.load_state_dict(weights | {"token_embd": table})


def load_checkpoint(path: Path, setup: Setup, averaged: bool = True) -> tuple[Millwright, dict]:
    """The (averaged) model of a checkpoint, and everything else that was saved with it."""
    saved = torch.load(path, map_location="cpu")
    model = Millwright(Shape(**saved["shape"]))
    model.load_state_dict(saved["ema" if averaged else "model"])
    if model.shape.vocab != setup.layout.n_codes + len(saved["words"]):
        raise ValueError(f"{path}: trained with another layout of codes")
    return model, saved
