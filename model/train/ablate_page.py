"""The tables of model/ABLATIONS.md: means over seeds and their spread.  The figures are kept beside
the page, so that rows stay whose runs, or whose code, are gone."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import numpy as np

Result = dict[str, Any]
Column = tuple[str, Callable[[Result], float]]
BEGIN, END = "<!-- {} -->", "<!-- end -->"
LAST = -1  # band of evaluate.BANDS: above 8; the one before: 4 to 8


def reading(form: str) -> list[Column]:
    """What is read off the validation windows, in percent."""
    whole = lambda key: lambda result: 100 * result[form][key]  # noqa: E731
    band = lambda at, key: lambda result: 100 * result[form]["by_effect"][at][key]  # noqa: E731
    return [
        ("patch AUROC, asset", whole("patch_auroc_asset")),
        ("patch AUROC, channel", whole("patch_auroc_channel")),
        ("window AUROC, heads", whole("window_auroc")),
        ("window AUROC, verdict token", whole("verdict_auroc")),
        ("4-8, heads", band(LAST - 1, "auroc_heads")),
        ("4-8, verdict", band(LAST - 1, "auroc_verdict")),
        ("> 8, heads", band(LAST, "auroc_heads")),
        ("> 8, verdict", band(LAST, "auroc_verdict")),
        ("> 8, fault named", band(LAST, "fault_top1")),
        ("> 8, top channel", band(LAST, "top_channel")),
        ("> 8, top channel by heads", band(LAST, "top_channel_heads")),
        ("operations called faults", whole("operation_called_fault")),
    ]


def speed() -> list[Column]:
    return [
        ("parameters, thousands", lambda result: result["parameters"] / 1000),
        ("windows trained, thousands", lambda result: result["windows"] / 1000),
        ("positions trained, millions", lambda result: result["positions"] / 1e6),
        ("thousand positions per CPU second",
         lambda result: result["positions"] / result["cpu_seconds"] / 1000),
    ]  # fmt: skip


def real() -> list[Column]:
    pick = lambda row, key: lambda result: float(result["skab"][row][key])  # noqa: E731
    share = lambda row: lambda result: 100 * float(result["skab"][row]["AUROC"])  # noqa: E731
    columns: list[Column] = []
    for name, row in (("asset head", "asset_head"), ("channel head", "channel_head"),
                      ("score", "score")):  # fmt: skip
        columns += [(f"{name}, AUROC", share(row)), (f"{name}, J", pick(row, "J"))]
    return columns


def figures(result: Result) -> Result:
    """What the page needs of a run: table -> column -> value."""
    tables = {"reading": reading("fp32"), "int8": reading("int8"), "skab": real(), "speed": speed()}
    needs = {"int8": "int8", "skab": "skab"}
    return {"variant": result["variant"], "seed": result["seed"]} | {
        table: {name: round(value(result), 3) for name, value in columns}
        for table, columns in tables.items() if needs.get(table, "variant") in result
    }  # fmt: skip


def cell(values: list[float]) -> str:
    """Mean, and half the range where there are several seeds."""
    text = f"{np.mean(values):.1f}"
    if len(values) > 1:
        text += f" ± {(max(values) - min(values)) / 2:.1f}"
    return text


def table(texts: dict[str, str], runs: list[Result], name: str) -> list[str]:
    columns = list(dict.fromkeys(key for run in runs for key in run[name]))
    lines = ["| " + " | ".join(["variant", "seeds", *columns]) + " |",
             "|" + "---|" * (2 + len(columns))]  # fmt: skip
    for variant, text in texts.items():
        own = [run[name] for run in runs if run["variant"] == variant]
        if own:
            cells = [cell([run[column] for run in own]) for column in columns]
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


def kept(path: Path, texts: dict[str, str], results: list[Result]) -> Result:
    """The figures beside the page with those of `results` in place of their own old ones."""
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    runs = {(run["variant"], run["seed"]): run for run in old.get("runs", [])}
    runs |= {(result["variant"], result["seed"]): figures(result) for result in results}
    ordered = [runs[key] for key in sorted(runs)]
    return {"variants": old.get("variants", {}) | texts, "runs": ordered}


def write(page: Path, texts: dict[str, str], results: list[Result]) -> None:
    beside = page.with_suffix(".json")
    data = kept(beside, texts, results)
    beside.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    for name in ("reading", "int8", "skab", "speed"):
        runs = [run for run in data["runs"] if name in run]
        text = replaced(text, name, table(data["variants"], runs, name))
    both = [run for run in data["runs"] if "int8" in run]
    text = replaced(text, "fp32", table(data["variants"], both, "reading"))
    page.write_text(text, encoding="utf-8")
