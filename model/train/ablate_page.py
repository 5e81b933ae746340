"""The tables of model/ABLATIONS.md from the results of ablate.py: means over seeds, and the spread."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np

Result = dict[str, Any]
Column = tuple[str, Callable[[Result], float], int]
BEGIN, END = "<!-- {} -->", "<!-- end -->"
ABOVE_8 = -1  # last band of evaluate.BANDS


def of(form: str, key: str, factor: float = 100) -> Callable[[Result], float]:
    return lambda result: factor * result[form][key]


def above_8(form: str, key: str) -> Callable[[Result], float]:
    return lambda result: 100 * result[form]["by_effect"][ABOVE_8][key]


def band_4(form: str, key: str) -> Callable[[Result], float]:
    return lambda result: 100 * result[form]["by_effect"][ABOVE_8 - 1][key]


def reading(form: str) -> list[Column]:
    """What is read off the validation windows, in percent."""
    return [
        ("patch AUROC, asset", of(form, "patch_auroc_asset"), 2),
        ("patch AUROC, channel", of(form, "patch_auroc_channel"), 2),
        ("window AUROC, heads", of(form, "window_auroc"), 2),
        ("window AUROC, verdict token", of(form, "verdict_auroc"), 2),
        ("heads at 4-8", band_4(form, "auroc_heads"), 2),
        ("verdict at 4-8", band_4(form, "auroc_verdict"), 2),
        ("fault top-1 > 8", above_8(form, "fault_top1"), 1),
        ("top channel > 8", above_8(form, "top_channel"), 1),
        ("operations called faults", of(form, "operation_called_fault"), 1),
    ]


def speed() -> list[Column]:
    return [
        ("windows trained, thousands", lambda result: result["windows"] / 1000, 1),
        ("positions per CPU second, thousands",
         lambda result: result["positions"] / result["cpu_seconds"] / 1000, 1),
    ]  # fmt: skip


def real() -> list[Column]:
    pick = lambda row, key: lambda result: float(result["skab"][row][key])  # noqa: E731
    rows = (("asset head", "asset_head"), ("channel head", "channel_head"), ("score", "score"))
    return [
        (f"{name}, {key}", pick(row, key), 3 if key == "AUROC" else 1)
        for name, row in rows for key in ("AUROC", "J", "J, hindsight")
    ]  # fmt: skip


def cell(values: list[float], digits: int) -> str:
    """Mean, and half the range where there are several seeds."""
    text = f"{np.mean(values):.{digits}f}"
    if len(values) > 1:
        text += f" ± {(max(values) - min(values)) / 2:.{digits}f}"
    return text


def table(texts: dict[str, str], results: list[Result], columns: list[Column]) -> list[str]:
    head = ["variant", "seeds", *(name for name, _, _ in columns)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for variant, text in texts.items():
        own = [result for result in results if result["variant"] == variant]
        if own:
            cells = [cell([value(r) for r in own], digits) for _, value, digits in columns]
            lines.append("| " + " | ".join([text, str(len(own)), *cells]) + " |")
    return lines


def replaced(page: str, name: str, lines: list[str]) -> str:
    """The page with what stands between the table's marks replaced."""
    mark = BEGIN.format(name)
    before, found, rest = page.partition(mark)
    if not found:
        return page
    _, end, after = rest.partition(END)
    return before + mark + "\n" + "\n".join(lines) + "\n" + end + after


def write(page: Path, texts: dict[str, str], results: list[Result]) -> None:
    text = page.read_text(encoding="utf-8")
    int8 = [result for result in results if "int8" in result]
    skab = [result for result in results if "skab" in result]
    text = replaced(text, "reading", table(texts, results, reading("fp32")))
    text = replaced(text, "speed", table(texts, results, speed()))
    text = replaced(text, "fp32", table(texts, int8, reading("fp32")))
    text = replaced(text, "int8", table(texts, int8, reading("int8")))
    text = replaced(text, "skab", table(texts, skab, real()))
    page.write_text(text, encoding="utf-8")
