"""When a fault's name may be trusted: risk against coverage, and what becomes of faults without a name."""
from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from model.train.layout import FAULT, NORMAL, OPERATION, UNKNOWN, Layout

POINTS = 10  # of the printed curve, by coverage


def curve(sure: np.ndarray, wrong: np.ndarray, found: int) -> list[list[float]]:
    """[coverage, risk, least confidence] at every number of names given, surest first; `found` is how
    many windows a name could have been given to."""
    order = np.argsort(-sure, kind="stable")
    given = np.arange(1, len(order) + 1)
    risk = np.cumsum(wrong[order]) / given
    return np.stack((given / max(1, found), risk, sure[order]), 1).tolist()


def coverage_at(points: list[list[float]], risk: float) -> tuple[float, float]:
    """The largest coverage at which at most `risk` of the names are wrong, and the least confidence that
    is trusted there; (0, 1) where there is none."""
    best = (0.0, 1.0)
    for covered, at, sure in points:
        if at <= risk:
            best = (covered, sure)
    return best


def risk_coverage(
    label: dict[str, np.ndarray], said: dict[str, np.ndarray], window: np.ndarray, risks: Sequence[float]
) -> dict[str, Any]:
    """Of the chosen windows of something wrong that the model found: how surely it names them.  A
    window that it calls unknown is found and not named."""
    found = window & np.isin(said["verdict"], (FAULT, UNKNOWN))
    named = window & (said["verdict"] == FAULT)
    wrong = said["fault"] != label["fault"]
    points = curve(said["name_sure"][named], wrong[named], int(found.sum()))
    steps = np.unique(np.linspace(0, len(points) - 1, POINTS).astype(int)) if points else []
    at = {f"{risk:g}": coverage_at(points, risk) for risk in risks}
    return {
        "found": int(found.sum()),
        "named": int(named.sum()),
        "wrong": float(wrong[named].mean()) if named.any() else float("nan"),
        "coverage_at_risk": {risk: entry[0] for risk, entry in at.items()},
        "trusted_from": {risk: entry[1] for risk, entry in at.items()},
        "curve": [[round(value, 4) for value in points[i]] for i in steps],
    }


def outcome(said: dict[str, np.ndarray], window: np.ndarray, trusted_from: float) -> dict[str, Any]:
    """What the model says of the chosen windows, as shares; `sure_name`: named with a confidence from
    `trusted_from` on."""
    count = int(window.sum())
    share = lambda hit: float((hit & window).sum() / count) if count else float("nan")  # noqa: E731
    verdict = said["verdict"]
    return {
        "windows": count,
        "unknown": share(verdict == UNKNOWN),
        "a_name": share(verdict == FAULT),
        "sure_name": share((verdict == FAULT) & (said["name_sure"] >= trusted_from)),
        "operation": share(verdict == OPERATION),
        "normal": share(verdict == NORMAL),
    }


def unknown_figures(
    label: dict[str, np.ndarray], said: dict[str, np.ndarray], layout: Layout, options: dict[str, Any]
) -> dict[str, Any]:
    """`label` has verdict and fault as taught, "code" as simulated, and "never" for windows of faults
    that were never taught."""
    strong = label["effect"] >= options["named_from_effect"]
    known = strong & (label["verdict"] == FAULT) & ~label["never"]
    taught = strong & (label["verdict"] == UNKNOWN)
    never = strong & label["never"]
    risks = options["risks"]
    names = risk_coverage(label, said, known, risks)
    trusted = names["trusted_from"][f"{max(risks):g}"]
    of_code = lambda code: outcome(said, never & (label["code"] == code), trusted)  # noqa: E731
    # A name given to a fault that was never taught is wrong, whatever it is.
    nameless = label | {"fault": np.where(label["never"], len(layout.faults), label["fault"])}
    return {
        "known_faults": names,
        "all_faults": risk_coverage(nameless, said, known | taught | never, risks),
        "known": outcome(said, known, trusted),
        "taught_as_unknown": outcome(said, taught, trusted),
        "never_seen": outcome(said, never, trusted),
        "never_seen_by_code": {
            layout.faults[code]: of_code(code) for code in np.unique(label["code"][never])
        },
    }
