"""Measures the product and writes the page: `make eval`, or

    /usr/bin/python3 -m model.eval.run --data DIR [--section NAME ...] [--page FILE]

Each section's tables are kept as BUILD/eval/NAME.json; the page is made from what is there.
"""
from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the jobs are what runs at once

import numpy as np  # noqa: E402

from model.eval import page  # noqa: E402
from model.eval.harness import Context  # noqa: E402

# Section -> its module
SECTIONS = {
    "skab": "skab", "tep": "tep", "nab": "nab", "causrca": "causes", "synthetic": "synthetic",
    "calibration": "calibration", "similar": "similar", "words": "words", "site": "site",
}  # fmt: skip
NEEDS = {"causrca": "model.eval.causrca"}


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def plain(value):
    """What JSON cannot hold: numpy's numbers; a float that is no number becomes null."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (np.floating, float)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def table_data(table) -> dict:
    """A Table, or a dict of the same members."""
    data = table if isinstance(table, dict) else dataclasses.asdict(table)
    return plain({"notes": [], "digits": 3, "brief": [], **data})


def stamp(context: Context) -> dict:
    dirty = git("status", "--porcelain", "--untracked-files=no", "--", "gateway", "model/engine",
                "model/corpus", "schemas")  # fmt: skip
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%d %B %Y"),
        "commit": git("rev-parse", "--short=12", "HEAD") + (" with changes" if dirty else ""),
        "model": context.model.name,
        "model_sha256": hashlib.sha256(context.model.read_bytes()).hexdigest(),
    }


def run_section(name: str, context: Context, stamped: dict) -> bool:
    """False: it failed (said on stderr; its old figures, if any, are removed)."""
    out = context.work / f"{name}.json"
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        context.progress(f"{name}: not measured, there is no {NEEDS[name]}")
        return True
    began = time.monotonic()
    try:
        tables = importlib.import_module(f"model.eval.{SECTIONS[name]}").evaluate(context)
    except Exception:
        traceback.print_exc()
        out.unlink(missing_ok=True)
        return False
    data = {"section": name, **stamped, "seconds": round(time.monotonic() - began, 1),
            "tables": [table_data(table) for table in tables]}  # fmt: skip
    out.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    context.progress(f"{name}: done in {data['seconds']} s")
    return True


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--faults", type=Path, default=Path("schemas/faults.cfg"))
    parser.add_argument("--section", action="append", choices=SECTIONS)
    parser.add_argument("--series", type=int, default=2400, help="of the synthetic test")
    parser.add_argument("--healthy", type=int, default=120, help="machines of the calibration")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, help="sections' figures (default: BUILD/eval)")
    parser.add_argument("--page", type=Path, default=Path("model/RESULTS.md"))
    return parser.parse_args()


def main() -> int:
    options = arguments()
    work = options.work or options.build / "eval"
    work.mkdir(parents=True, exist_ok=True)
    context = Context(options.data, options.build, options.model, options.faults, work,
                      options.jobs, options.series, options.healthy)  # fmt: skip
    context.find_evidence_alone()
    stamped = stamp(context)
    good = [run_section(name, context, stamped) for name in options.section or SECTIONS]
    results = {path.stem: json.loads(path.read_text(encoding="utf-8"))
               for path in work.glob("*.json")}  # fmt: skip
    options.page.write_text(page.whole(SECTIONS, results), encoding="utf-8")
    context.progress(f"{options.page} written")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
