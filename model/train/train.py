"""Trains a model: `python3 -m model.train.train [STAGE] [--config FILE] [--resume] [--set A.B=JSON]`.

Wall-clock schedule, averaged weights, int8 imitated in the last part; a checkpoint every
few minutes.
"""
from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from model.train.augment import drop_features, empty_codes, jitter_bins
from model.train.balance import count_faults, fault_weights
from model.train.fused import forward
from model.train.kernels import library
from model.train.layout import NORMAL
from model.train.loss import PARTS, SOFT_PARTS, losses, total
from model.train.model import Millwright, Output
from model.train.replicas import Replicas
from model.train.setup import DEFAULT_CONFIG, LAST, Setup, make_model, read_setup
from model.train.shards import Group, Pool, batches, cut_rows
from model.train.start import begin, lineage_saved, make_distiller

CURVE = "curve.jsonl"  # beside the checkpoint: the running losses, one line a report


@dataclass
class Batch:
    codes: Tensor  # [B, rows, row_length, slots]
    tail: Tensor  # [B, T, slots]
    target: Tensor
    weight: Tensor
    patch: Tensor  # [B, rows, patches] float
    only_words: bool = False  # nothing else counts

    @property
    def positions(self) -> int:
        return self.codes.shape[0] * (self.codes[0, ..., 0].numel() + self.tail.shape[1])


@dataclass
class Progress:
    """Where a run stands; saved with every checkpoint."""

    step: int = 0
    windows: int = 0
    positions: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)


def as_tensor(array: np.ndarray) -> Tensor:
    """Codes as int16 bits: torch has no unsigned 16-bit type, and NONE_CODE becomes -1."""
    return torch.from_numpy(np.ascontiguousarray(array).view(np.int16))


def make_batch(
    setup: Setup, group: Group, with_words: bool, rng: np.random.Generator, only_words: bool = False
) -> Batch:
    data = setup.config["data"]
    codes = empty_codes(group.data["code"], setup.layout, data.get("empty", []))
    codes = drop_features(codes, setup.layout, data["feature_dropout"], rng)
    codes = jitter_bins(codes, setup.layout, data["bin_jitter"], rng)
    tail = setup.writer.tail(group, with_words, rng, only_words)
    return Batch(
        codes=as_tensor(codes),
        tail=as_tensor(tail.codes),
        target=torch.from_numpy(tail.target),
        weight=torch.from_numpy(tail.weight),
        patch=torch.from_numpy(group.data["patch"].astype(np.float32)),
        only_words=only_words,
    )


def for_words(setup: Setup, group: Group, rng: np.random.Generator) -> Group:
    """What words are learnt from: a share of the normal windows, and of each window few rows; that is
    several times as many texts in the same time, and no sample to learn verdicts from."""
    data = setup.config["data"]["words_alone"]
    told = (group.data["verdict"] != NORMAL) | (rng.random(len(group)) < data["normal"])
    told &= group.data["claims_known"]
    return cut_rows(group.take(np.flatnonzero(told)), data["channels"], rng)


def stream(setup: Setup, seed: tuple[int, int], rank: int) -> Iterator[Batch]:
    """Training batches without end for one replica; all agree on which have words."""
    data, shared = setup.config["data"], np.random.default_rng(seed)
    rng = np.random.default_rng((*seed, rank))
    at_once, count = data["shards_at_once"], setup.config["replicas"]
    pool = Pool(setup.folder("shards"), data["train"], at_once, rank, count)
    while True:
        drawn, size, worded = pool.draw(rng), data["positions_per_batch"], iter(())
        if data.get("words_alone"):
            worded = batches([for_words(setup, group, rng) for group in drawn], size, rng)
        for group in batches(drawn, size, rng):
            with_words = bool(shared.random() < data["text_share"])
            alone = next(worded, None) if with_words else None
            group = setup.held_out.for_training(group if alone is None else alone)
            if len(group):
                yield make_batch(setup, group, with_words, rng, alone is not None)


def label_losses(setup: Setup, model: Millwright, batch: Batch) -> tuple[Output, Tensor]:
    """-> (what the model says, the parts of PARTS)."""
    out = forward(model, batch.codes, batch.tail, setup.config["fused"])
    labels = (batch.patch, batch.target, batch.weight)
    return out, losses(model, out, *labels, setup.first_answer, setup.loss_weights)


def counted(parts: Tensor, batch: Batch) -> Tensor:
    """The parts of PARTS that the batch is for."""
    return parts * torch.tensor((0.0, 0.0, 1.0)) if batch.only_words else parts


def label_loss(setup: Setup, model: Millwright, batch: Batch) -> Tensor:
    return total(counted(label_losses(setup, model, batch)[1], batch), setup.loss_weights)


class Trainer:
    """One replica of the run; all of them hold the same weights after every step."""

    def __init__(self, setup: Setup, model: Millwright, replicas: Replicas) -> None:
        self.setup, self.model, self.replicas = setup, model, replicas
        self.lineage: list[dict] = []
        self.options = setup.config["optimiser"]
        matrices = [p for p in model.parameters() if p.dim() > 1]
        vectors = [p for p in model.parameters() if p.dim() <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.options["weight_decay"]},
            {"params": vectors, "weight_decay": 0.0},
        ]
        betas = tuple(self.options["betas"])
        self.optimiser = torch.optim.AdamW(groups, lr=0.0, betas=betas)
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.progress = Progress()
        self.started = time.monotonic()
        self.distiller = make_distiller(setup)
        self.parts = PARTS + (SOFT_PARTS if self.distiller else ())
        self.recent = torch.zeros(len(self.parts))

    @property
    def done_share(self) -> float:
        """Of the budget ("steps" where the configuration has it, else "minutes"); the same in all
        replicas, since `seconds` is the first one's clock."""
        if "steps" in self.options:
            return self.progress.step / self.options["steps"]
        return self.progress.seconds / (self.options["minutes"] * 60)

    def learning_rate(self) -> float:
        warm = min(1.0, (self.progress.step + 1) / self.options["warmup_steps"])
        low = self.options["final_share"]
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, self.done_share)))
        return self.options["learning_rate"] * warm * (low + (1 - low) * cosine)

    def step(self, batch: Batch) -> None:
        self.model.quantised.on = self.done_share >= self.options["quantised_from"]
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        loss, parts = self.loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        elapsed = time.monotonic() - self.started
        self.progress.seconds = self.replicas.average(self.model.parameters(), elapsed)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.options["clip"])
        self.optimiser.step()
        self.account(batch, parts.detach())

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of a batch, and its parts by the names of `parts`."""
        fused, weights = self.setup.config["fused"], self.setup.loss_weights
        out, parts = label_losses(self.setup, self.model, batch)
        if self.distiller is None:
            return total(counted(parts, batch), weights), parts
        if batch.only_words:  # a teacher of another vocabulary has no opinion on words
            silent = torch.zeros(len(SOFT_PARTS))
            return total(counted(parts, batch), weights), torch.cat((parts, silent))
        with torch.no_grad():
            opinion = forward(self.distiller.teacher, batch.codes, batch.tail, fused)
        soft = self.distiller.losses(
            self.model, out, opinion, batch.target, batch.weight, weights.last_patch
        )
        parts = torch.cat((parts, soft))
        return total(parts, weights, self.distiller.options.share), parts

    def account(self, batch: Batch, parts: Tensor) -> None:
        progress = self.progress
        progress.step += 1
        progress.windows += len(batch.codes) * self.replicas.count
        progress.positions += batch.positions * self.replicas.count
        share = min(0.98, 1 - 1 / progress.step)
        self.recent = share * self.recent + (1 - share) * parts
        keep = min(self.options["ema"], progress.step / (progress.step + 10))
        current = self.model.state_dict()
        with torch.no_grad():
            for name, value in self.average.items():
                value.lerp_(current[name], 1 - keep)

    def log(self) -> None:
        progress = self.progress
        entry = {name: round(float(v), 4) for name, v in zip(self.parts, self.recent)}
        entry |= {"step": progress.step, "seconds": round(progress.seconds)}
        entry |= {"windows": progress.windows, "positions": progress.positions}
        progress.curve.append(entry)
        rate = progress.positions / max(1.0, progress.seconds)
        print(json.dumps(entry | {"positions_per_second": round(rate)}), flush=True)

    def save(self, path: Path) -> None:
        state = {
            "shape": self.model.shape.as_dict(),
            "words": self.setup.wording.words,
            "model": self.model.state_dict(),
            "ema": self.average,
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
            "recent": self.recent,
            "lineage": self.history(),
            "config": self.setup.config,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".partial")
        torch.save(state, unfinished)
        unfinished.replace(path)
        curve = "\n".join(json.dumps(entry) for entry in self.progress.curve)
        (path.parent / CURVE).write_text(curve + "\n", encoding="utf-8")

    def history(self) -> list[dict]:
        """Every stage that led to these weights, this one as far as it has come."""
        own = asdict(self.progress)
        del own["curve"]
        return self.lineage[:-1] + [entry | own for entry in self.lineage[-1:]]

    def resume(self, path: Path) -> None:
        saved = torch.load(path, map_location="cpu")
        self.lineage = lineage_saved(saved)
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.average = saved["ema"]
        self.progress = Progress(**saved["progress"])
        if len(saved["recent"]) == len(self.recent):  # else: it goes on with or without a teacher
            self.recent = saved["recent"]
        self.started = time.monotonic() - self.progress.seconds


def train(
    setup: Setup, model: Millwright, replicas: Replicas, resume: bool, lineage: Sequence[dict] = ()
) -> Path:
    """The work of one replica."""
    trainer = Trainer(setup, model, replicas)
    trainer.lineage = list(lineage)
    first = replicas.rank == 0
    path = setup.folder("checkpoints") / LAST
    if resume and path.exists():
        trainer.resume(path)
    options, progress = trainer.options, trainer.progress
    if trainer.done_share >= 1:
        return path
    saved_at = progress.seconds
    for batch in stream(setup, (setup.config["seed"], progress.step), replicas.rank):
        trainer.step(batch)
        if first and progress.step % options["log_steps"] == 0:
            trainer.log()
        if first and progress.seconds - saved_at > options["checkpoint_minutes"] * 60:
            trainer.save(path)
            saved_at = progress.seconds
        if trainer.done_share >= 1:
            break
    if first:
        if not progress.curve or progress.curve[-1]["step"] != progress.step:
            trainer.log()
        trainer.save(path)
    return path


def balance_faults(setup: Setup) -> None:
    """Weighs each fault's name by how often the training shards have it now."""
    balance = setup.config["loss"].get("fault_balance")
    if balance:
        counts = count_faults(setup.train_shards(), setup.layout, setup.held_out)
        setup.writer.balance = fault_weights(counts, balance["power"], balance["most"])


def run(setup: Setup, resume: bool) -> Path:
    """Trains until the budget is spent; returns the last checkpoint."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    balance_faults(setup)
    library()  # built once, before the replicas part
    if resume and (setup.folder("checkpoints") / LAST).exists():
        model, lineage = make_model(setup, setup.config["seed"]), []
    else:
        start = begin(setup, stream(setup, (setup.config["seed"], 0), 0), partial(label_loss, setup))
        model, lineage = start.model, start.lineage
    n_values = sum(p.numel() for p in model.parameters())
    replicas = Replicas(setup.config["replicas"], n_values)
    return replicas.run(lambda rank: train(setup, model, replicas, resume, lineage))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", nargs="?", help="a stage of the configuration; none: its top level")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=JSON", dest="changes")
    arguments = parser.parse_args()
    setup = read_setup(arguments.config, arguments.stage, arguments.changes)
    run(setup, arguments.resume)


if __name__ == "__main__":
    main()
