"""Several processes that train one model on different batches, in step: one thread each, and one
meeting a step instead of one per matrix product, so a busy neighbour costs little."""
from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

PATIENCE_S = 600.0


class Replicas:
    """Shared by the processes; made before they start."""

    def __init__(self, count: int, n_values: int) -> None:
        self.count, self.rank = count, 0
        self.context = multiprocessing.get_context("fork")
        self.barrier = self.context.Barrier(count)
        self.gradients = torch.zeros(count, n_values).share_memory_()
        self.seconds = torch.zeros(1, dtype=torch.float64).share_memory_()

    def meet(self) -> None:
        if self.count > 1:
            self.barrier.wait(PATIENCE_S)

    def average(self, parameters: Iterable[nn.Parameter], seconds: float) -> float:
        """Gradients become the mean over all replicas; returns the first replica's clock."""
        parameters = list(parameters)
        if self.count == 1:
            return seconds
        own = self.gradients[self.rank]
        torch.cat([gradient_of(p).reshape(-1) for p in parameters], out=own)
        if self.rank == 0:
            self.seconds.fill_(seconds)
        self.meet()
        mean, at = self.gradients.mean(0), 0
        clock = float(self.seconds)
        for parameter in parameters:
            parameter.grad = mean[at : at + parameter.numel()].view_as(parameter)
            at += parameter.numel()
        self.meet()
        return clock

    def run(self, work: Callable[[int], object]) -> object:
        """Calls work(rank) in every replica; returns what the first one returned."""
        others = [
            self.context.Process(target=self._enter, args=(work, rank), daemon=True)
            for rank in range(1, self.count)
        ]
        for process in others:
            process.start()
        result = work(0)
        for process in others:
            process.join()
            if process.exitcode:
                raise RuntimeError(f"a replica ended with {process.exitcode}")
        return result

    def _enter(self, work: Callable[[int], object], rank: int) -> None:
        self.rank = rank
        try:
            work(rank)
        except BaseException:
            self.barrier.abort()
            raise


def gradient_of(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
