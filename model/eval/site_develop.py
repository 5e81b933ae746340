"""The site's entries on faults and seeds for development: what is chosen is chosen on these.

    /usr/bin/python3 -m model.eval.site_develop --build build --model FILE [--each 24] [--known 1200]

The four development faults of model/corpus/site.h and those that the training draws without a name,
whose entries are in site_faults/development.  The model may have met the latter (as unknown).
"""
from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from pathlib import Path

from model.eval import site
from model.eval.harness import Context

SEED = 6_600_000
MORE = site.ENTRIES / "development"


def codes(path: Path) -> list[str]:
    return re.findall(r'code = "(\w+)"', path.read_text("utf-8"))


def write_profiles(context: Context) -> dict[str, Path]:
    """As site.write_profiles; a file has one list of faults, so two lists are joined."""
    out = {}
    for plain in site.PROFILES.glob("*.cfg"):
        parts = [folder / plain.name for folder in (site.ENTRIES, MORE)]
        lists = [re.search(r"faults = \((.*)\);", part.read_text("utf-8"), re.DOTALL).group(1)
                 for part in parts if part.exists()]  # fmt: skip
        if lists:
            out[plain.stem] = context.work / f"develop_{plain.name}"
            text = plain.read_text("utf-8") + f"faults = ({', '.join(lists)});\n"
            out[plain.stem].write_text(text, "utf-8")
    return out


def cases(context: Context, each: int, known: int) -> tuple[list[site.Case], list[str]]:
    root = context.work / "develop"
    profiles = write_profiles(context)
    unnamed = [code for path in sorted(MORE.glob("*.cfg")) for code in codes(path)]
    jobs = []
    for option, faults in (("--site-fault", site.DEVELOPMENT), ("--unnamed-fault", unnamed)):
        for fault in faults:
            drawn = site.draw(context, root / fault, SEED, each, fault, option)
            jobs += [(*job, True) for job in drawn]
    if known:
        drawn = site.draw(context, root / "known", SEED + 20_000, known, None)
        jobs += [(*job, False) for job in drawn
                 if job[1]["machine"] in profiles and site.fault_of(job[1])]  # fmt: skip
    found = context.map(lambda job: site.read(context, profiles, *job), jobs, "develop")
    shutil.rmtree(root)
    return found, [*site.DEVELOPMENT, *unnamed]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--each", type=int, default=24, help="series of a fault")
    parser.add_argument("--known", type=int, default=1200, help="series drawn as the corpus does")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        context = Context(Path(), options.build, options.model, Path("schemas/faults.cfg"),
                          Path(work))  # fmt: skip
        found, faults = cases(context, options.each, options.known)
    table = site.entry_table(found, tuple(faults))
    print(" | ".join(table.columns))
    for row in table.rows:
        cells = [f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row]
        print(" | ".join(cells))


if __name__ == "__main__":
    main()
