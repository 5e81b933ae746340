"""The page: sections' JSON -> Markdown."""
from __future__ import annotations

from typing import Iterable

HEAD = """# Results

Written by `make eval`: `millwright replay` over recorded sets by their protocols, and over simulated
machines that no training has seen. Nothing recorded was trained on. {stamp}

{brief}
{detector}
"""

DETECTOR = """How detectors are compared: every detector learns from the same leading rows and is
smoothed alike (mean over 4 rows, log2, EWMA of weight 0.3); its threshold is the 99 % quantile of its
own held-out values on the learn rows, so no threshold has seen a scored row. *score* is the
product's; *evidence alone* is the same program's statistics without the model. F1 is never
point-adjusted. FAR, MAR: false and missed alarms; J = 100 - FAR - MAR. VUS-PR: Paparrizos et al.
2022, buffers up to 64 rows."""

WEAK = """Read with care: SKAB and Tennessee Eastman were in view when the rule that joins model and
evidence was chosen, so they are development figures; the simulated machines are sealed, but come
from the same simulator as the training."""

SHORT = {"skab": "SKAB", "tep": "TEP", "nab": "NAB", "causrca": "causRCA", "synthetic": "simulated",
         "calibration": "healthy", "similar": "histories", "words": "words", "site": "unseen faults"}  # fmt: skip

TITLE = {
    "skab": "SKAB: water loop with closing valves",
    "tep": "Tennessee Eastman process",
    "nab": "NAB: machine temperature",
    "causrca": "causRCA: which variable caused it",
    "synthetic": "Simulated machines, sealed",
    "calibration": "Calibration and false alarms",
    "similar": "Seen before: simulated histories",
    "words": "Words: every number and claim, decided again",
    "site": "Faults that no training has seen, and what a site knows of them",
}


def met(one: dict) -> bool | None:
    """None: nothing was asked of it, or it was not measured."""
    bars = [one.get(bar) for bar in ("least", "most", "under")]
    if one["value"] is None or bars == [None] * 3:
        return None
    high_enough = one["least"] is None or one["value"] >= one["least"]
    low_enough = bars[1] is None or one["value"] <= bars[1]
    return high_enough and low_enough and (bars[2] is None or one["value"] < bars[2])


def asked(one: dict) -> str:
    parts = [f"at least {one['least']:g}"] if one["least"] is not None else []
    parts += [f"at most {one['most']:g}"] if one["most"] is not None else []
    parts += [f"under {one['under']:g}"] if one.get("under") is not None else []
    return ", ".join(parts)


def brief(names: Iterable[str], results: dict[str, dict]) -> str:
    """The figures that something is asked of, and whether it holds."""
    lines = ["| set | figure | measured | asked | holds |", "|---|---|---|---|---|"]
    for name in names:
        for part in results.get(name, {}).get("tables", []):
            for one in part["brief"]:
                holds = {True: "yes", False: "**no**", None: "–"}[met(one)]
                lines.append(f"| {SHORT.get(name, name)} | {one['figure']} | {cell(one['value'], 3)} | "
                             f"{asked(one)} | {holds} |")  # fmt: skip
    if len(lines) == 2:
        return ""
    short = sum("**no**" in line for line in lines)
    said = f"Of {len(lines) - 2} figures that something is asked of, {short} fall short."
    return "\n".join(["## In short", "", *lines, "", said, "", WEAK, ""])


def cell(value, digits: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value == int(value) and abs(value) >= 100:
            return str(int(value))
        short = round(value, 1) == value and abs(value) >= 1
        return f"{value:.1f}" if short else f"{value:.{digits}f}"
    return str(value).replace("|", "\\|")


def table(data: dict) -> str:
    digits = data.get("digits", 3)
    lines = [f"**{data['title']}**", "", "| " + " | ".join(map(str, data["columns"])) + " |",
             "|" + "---|" * len(data["columns"])]  # fmt: skip
    for row in data["rows"]:
        lines.append("| " + " | ".join(cell(value, digits) for value in row) + " |")
    for note in data.get("notes", []):
        lines += ["", note]
    return "\n".join(lines) + "\n"


def stamp_of(result: dict) -> str:
    return (f"Measured {result['date']}, commit `{result['commit']}`, model `{result['model']}` "
            f"(SHA-256 `{result['model_sha256'][:16]}…`).")  # fmt: skip


def section(name: str, result: dict | None, common: str) -> str:
    lines = [f"## {TITLE.get(name, name)}", ""]
    if result is None:
        return "\n".join(lines + ["Not measured.", ""])
    own = stamp_of(result)
    if own != common:
        lines += [own, ""]
    command = f"`make eval SECTION={name}`, {result['seconds']:.0f} s."
    return "\n".join(lines + [command, ""] + [table(part) for part in result["tables"]])


def common_stamp(results: Iterable[dict]) -> str:
    stamps = [stamp_of(result) for result in results]
    return max(set(stamps), key=stamps.count) if stamps else "Nothing was measured."


def whole(names: Iterable[str], results: dict[str, dict]) -> str:
    known = [results[name] for name in names if name in results]
    common = common_stamp(known)
    names = list(names)
    parts = [HEAD.format(stamp=common, brief=brief(names, results), detector=DETECTOR)]
    parts += [section(name, results.get(name), common) for name in names]
    return "\n".join(parts).rstrip() + "\n"
