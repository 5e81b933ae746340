"""What a run begins with: nothing, or another model's weights, grown or pruned into the run's shape.

A file's tokens are matched by name.  A word that it does not have begins near the words that it reads
like: an answer in known words is not disturbed, and a new one is not learnt from nothing.
"""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

from model.train.claims import parse_claim
from model.train.distil import Distiller, DistilOptions
from model.train.export import rows_by_name
from model.train.grow import grow
from model.train.model import Millwright, Shape
from model.train.prune import prune
from model.train.setup import Setup, load_named, make_model

DIGEST = 12  # letters of a file's SHA-256 that a lineage keeps
EOS = "<eos>"  # the last code; words follow
NEW_WORD = 0.3  # how far new words are drawn apart, in spreads of the table


@dataclass
class Start:
    """The first weights of a run, and where they come from: one entry a stage, oldest first."""

    model: Millwright
    lineage: list[dict[str, Any]] = field(default_factory=list)


def literals(word: str) -> list[str]:
    """The words that a word reads like; a reference or a particle stands for itself."""
    claim = parse_claim(word)
    if claim:
        return claim.reads.lower().replace(",", " ").split()
    return [word] if word[0] == "{" else [word.removeprefix("+").lower()]


def _kind(word: str) -> str:
    """Words of one kind stand in like places: references of a field, words of a script, signs."""
    if word[0] == "{" and not parse_claim(word):
        return "reference"
    text = "".join(literals(word))
    return "ko" if any("가" <= letter <= "힣" for letter in text) else "en" if text.isascii() else "sign"


def like_known(words: list[str], known: list[str], rows: np.ndarray) -> np.ndarray:
    """A row for each word: the mean of the known words that it reads like, else of those of its
    kind, else of all; rows [known, width]."""
    by_text: dict[str, list[int]] = {}
    by_kind: dict[str, list[int]] = {}
    for place, word in enumerate(known):
        by_kind.setdefault(_kind(word), []).append(place)
        for text in literals(word):
            by_text.setdefault(text, []).append(place)
    everything = list(range(len(known)))
    near = [
        [place for text in literals(word) for place in by_text.get(text, [])]
        or by_kind.get(_kind(word), everything)
        for word in words
    ]
    return np.stack([rows[places].mean(0) for places in near])


def take_tokens(model: Millwright, before: list[str], setup: Setup, new_codes: float) -> Millwright:
    """The model with the tokens of the setup, matched by name; what is new is drawn, codes with
    `new_codes` times the spread of the table, words around those that they read like."""
    names, table, n_codes = setup.tokens, model.token_embd.detach().numpy(), setup.layout.n_codes
    generator = torch.Generator().manual_seed(setup.config["seed"])
    fresh = torch.randn(len(names), model.shape.width, generator=generator).numpy() * table.std()
    fresh[:n_codes] *= new_codes
    first = before.index(EOS) + 1 if EOS in before else len(before)
    if first < len(before):
        near = like_known(names[n_codes:], before[first:], table[first:])
        fresh[n_codes:] = near + fresh[n_codes:] * NEW_WORD
    rows = torch.from_numpy(rows_by_name(table, before, names, fresh))
    renamed = Millwright(replace(model.shape, vocab=len(names)))
    renamed.load_state_dict(model.state_dict() | {"token_embd": rows})
    return renamed


def make_distiller(setup: Setup) -> Optional[Distiller]:
    """None where the configuration names no teacher."""
    entry = setup.config["loss"].get("distil")
    if not entry:
        return None
    options = DistilOptions(**entry)
    teacher, before = load_named(setup.source(options.teacher), setup)
    return Distiller(take_tokens(teacher, before, setup, 0.0), setup.layout, options)


def lineage_of(path: Path) -> list[dict[str, Any]]:
    """How the weights of a file came about, as far as the file says."""
    if path.suffix == ".gguf":
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST]
        return [{"stage": path.name, "sha256": digest}]
    return lineage_saved(torch.load(path, map_location="cpu"))


def lineage_saved(saved: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a checkpoint; of one without a lineage what its configuration says."""
    if saved.get("lineage"):
        return saved["lineage"]
    config, shape = saved["config"], Shape(**saved["shape"])
    entry = {"stage": config.get("stage", "run"), "size": list(shape.size), "seed": config["seed"]}
    entry["from"] = config.get("start_from")
    progress = {key: value for key, value in saved["progress"].items() if key != "curve"}
    return [entry | progress]


def fit(
    other: Millwright, model: Millwright, setup: Setup, batches: Iterator[object],
    loss: Callable[[Millwright, object], Tensor],
) -> tuple[Millwright, dict[str, Any]]:  # fmt: skip
    """`other` in the shape of `model`, and how."""
    before, after = other.shape.size, model.shape.size
    if other.shape.head_size != model.shape.head_size:
        raise ValueError(f"heads of {other.shape.head_size} do not fit heads of {model.shape.head_size}")
    if before == after:
        return other, {"how": "as it was"}
    if all(new >= old for old, new in zip(before, after)):
        noise = setup.config["grow_noise"]
        return grow(other, model.shape, noise, setup.config["seed"]), {"how": "grown"}
    chosen = list(islice(batches, setup.config["prune_batches"]))
    pruned, cut = prune(other, model.shape, chosen, loss)
    return pruned, {"how": "pruned", "cut": cut.summary()}


def begin(
    setup: Setup, batches: Iterator[object], loss: Callable[[Millwright, object], Tensor]
) -> Start:
    """The model that a run of this setup begins with; batches and loss serve to prune."""
    config = setup.config
    model = make_model(setup, config["seed"])
    own = {"stage": config.get("stage", "run"), "size": list(model.shape.size), "seed": config["seed"]}
    if config["loss"].get("distil"):
        own["teacher"] = config["loss"]["distil"]["teacher"]
    if not config.get("start_from"):
        return Start(model, [own | {"from": None}])
    path = setup.source(config["start_from"])
    other, before = load_named(path, setup)
    # Beside a file new codes start at zero, so that the run starts with what the file answers.
    other = take_tokens(other, before, setup, 0.0 if path.suffix == ".gguf" else 1.0)
    other, how = fit(other, model, setup, batches, loss)
    model.load_state_dict(other.state_dict())
    return Start(model, lineage_of(path) + [own | {"from": config["start_from"], **how}])
