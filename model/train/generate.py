"""Makes the shards of a role: `python3 -m model.train.generate --role train --count 20`.

Seeds belong to a role (config "seeds"), so the roles' series never meet.
A shard that exists is kept.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path

from model.train.setup import DEFAULT_CONFIG


def describe(program: Path, path: Path) -> None:
    """Keeps the layout of the codes beside the shards that were written with it."""
    text = subprocess.run([program, "--describe"], check=True, capture_output=True).stdout
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def make_shard(program: Path, path: Path, windows: int, seed: int, unnamed: float) -> None:
    """Runs mw-corpus at low priority; the file appears whole or not at all.  unnamed: the share of series
    with a fault that has no name."""
    partial = path.with_suffix(".partial")
    command = [program, "--out", partial, "--windows", str(windows), "--seed", str(seed)]
    command += ["--unnamed", str(unnamed)]
    subprocess.run(command, check=True, preexec_fn=lambda: os.nice(10))
    partial.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--program", type=Path, default=Path("build/mw-corpus"))
    parser.add_argument("--role", choices=("train", "validation", "test"), required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first shard")
    parser.add_argument("--count", type=int, default=1)
    arguments = parser.parse_args()
    config = json.loads(arguments.config.read_text(encoding="utf-8"))
    folder, first_seed = Path(config["shards"]), config["corpus"]["first_seed"][arguments.role]
    folder.mkdir(parents=True, exist_ok=True)
    describe(arguments.program, Path(config["describe"]))
    unnamed = config["corpus"].get("unnamed", {}).get(arguments.role, 0.0)
    for number in range(arguments.first, arguments.first + arguments.count):
        path = folder / config["data"][arguments.role].replace("*", f"{number:04d}")
        if not path.exists():
            make_shard(arguments.program, path, config["corpus"]["windows"], first_seed + number, unnamed)
            print(path, flush=True)


if __name__ == "__main__":
    main()
