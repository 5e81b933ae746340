"""What a student learns from a teacher beside the labels (Hinton et al. 2015): the teacher's opinion of
every patch, and of every token that the grammar allows at a place of the answer.  Teacher and
student see the same batch with the same noise (Beyer et al. 2022)."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as fn

from model.train.answers import IGNORE
from model.train.layout import Layout
from model.train.loss import patch_weights
from model.train.model import NEGATIVE, Millwright, Output

FAULT_FAMILIES = ("none", "operation", "sensor", "process")


@dataclass(frozen=True)
class DistilOptions:
    teacher: str  # a stage or a file
    share: float  # of the loss, 0..1; the labels have the rest
    temperature: float


def families(layout: Layout, vocab: int) -> Tensor:
    """Of every token that an answer may hold: a number that it shares with the tokens that the grammar
    allows in its place (a fault's are those of its verdict).  Begins with the first verdict."""
    first = layout.table("verdict")
    family = torch.full((vocab - first,), -1)

    def put(start: int, count: int, number: int) -> None:
        family[start - first : start - first + count] = number

    for number, name in enumerate(("verdict", "severity", "onset")):
        put(layout.table(name), layout.size(name), number)
    put(layout.table("channel"), layout.size("channel") + 1, 3)  # and the end of the channels
    put(layout.table("eos"), vocab - layout.table("eos"), 4)  # and all words
    for index, kind in enumerate(layout.fault_kinds):
        of_fault = "sensor" if kind == "process" else kind
        number = 10 + index if kind == "none" else 5 + FAULT_FAMILIES.index(of_fault)
        put(layout.table("fault") + index, 1, number)
    return family


class Distiller:
    """Compares a student with its frozen teacher."""

    def __init__(self, teacher: Millwright, layout: Layout, options: DistilOptions) -> None:
        self.teacher, self.layout, self.options = teacher.eval().requires_grad_(False), layout, options
        self.first = layout.table("verdict")
        self.family = families(layout, teacher.shape.vocab)

    def allowed(self, target: Tensor, rows: int) -> Tensor:
        """target [N] tokens -> [N, tokens from the first verdict on] bool."""
        allowed = self.family[target - self.first][:, None] == self.family[None]
        absent = self.layout.table("channel") - self.first + rows - 1
        allowed[:, absent : self.layout.table("end_channels") - self.first] = False
        return allowed

    def patch(self, student: Tensor, teacher: Tensor, last: float) -> Tensor:
        """Divergence of two Bernoulli variables per patch; the newest weighs `last`."""
        heat = self.options.temperature
        truth = (teacher / heat).sigmoid()
        cross = fn.binary_cross_entropy_with_logits(student / heat, truth, reduction="none")
        own = fn.binary_cross_entropy_with_logits(teacher / heat, truth, reduction="none")
        return heat**2 * ((cross - own) * patch_weights(student.shape[-1], last)).mean()

    def answer(
        self, model: Millwright, hidden: tuple[Tensor, Tensor], target: Tensor, weight: Tensor, rows: int
    ) -> Tensor:
        """Weighted divergence over the allowed tokens, per window; hidden: student's and teacher's."""
        heat, known = self.options.temperature, target != IGNORE
        closed = ~self.allowed(target[known], rows)
        student, teacher = (
            (net.logits(state[known], self.first).float() / heat).masked_fill(closed, NEGATIVE)
            for net, state in zip((model, self.teacher), hidden)
        )
        apart = fn.kl_div(student.log_softmax(-1), teacher.softmax(-1), reduction="none").sum(-1)
        return heat**2 * (apart * weight[known]).sum() / len(target)

    def losses(
        self, model: Millwright, out: Output, teacher: Output, target: Tensor, weight: Tensor, last: float
    ) -> Tensor:
        """Asset patches, channel patches, answer; the teacher's output is of the same batch."""
        return torch.stack(
            (
                self.patch(out.asset.float(), teacher.asset.float(), last),
                self.patch(out.channel.float(), teacher.channel.float(), last),
                self.answer(model, (out.tail, teacher.tail), target, weight, out.channel.shape[1] + 1),
            )
        )
