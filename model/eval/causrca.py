#!/usr/bin/env python3
"""Root causes on causRCA: `millwright replay` with the lathe's expert graph as its machine profile.

    model/eval/causrca.py [--data ../shared/data/causrca] [--millwright build/millwright] [--normal N] [--no-profile] [--json OUT]

Every fault run is asked at its diagnosis time which variables are behind the alarms; the 60 normal
runs teach what is normal.  Truth: the scenario's manipulated variables.  Score: mean average
precision at 3 over all nodes (the set's "full" mode), by group.  Two baselines of the set's authors
are recomputed here from their description: time recency (the last changes before each alarm) and
expert-graph recency (the same among the direct causes of the alarms that stand).

The profile is written from the set's node and edge lists to a temporary file.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

TOP = 3
ROOT = Path(__file__).resolve().parents[2]


def average_precision(truth: list[str], ranked: list[str], k: int = TOP) -> float:
    hits, total = 0, 0.0
    for rank, name in enumerate(ranked[:k], start=1):
        if name in truth:
            hits += 1
            total += hits / rank
    return total / min(len(truth), k)


class Graph:
    """Nodes and edges as the set's experts drew them."""

    def __init__(self, folder: Path):
        with open(folder / "all_nodes.csv", encoding="utf-8") as file:
            self.node = {row["label"]: row for row in csv.DictReader(file)}
        with open(folder / "all_edges.csv", encoding="utf-8") as file:
            self.edge = {(row["source_label"], row["target_label"]): row["comment"] for row in csv.DictReader(file)}

    def is_alarm(self, name: str) -> bool:
        return self.node[name]["type"] == "Alarm"

    def kind(self, name: str) -> str:
        node = self.node[name]
        if self.is_alarm(name):
            return "alarm"
        if node["io"] == "output":
            return "command" if node["datatype"] == "bool" else "counter"
        return "state" if node["datatype"] in ("bool", "str") else "measured"

    def write_profile(self, path: Path) -> None:
        """The graph as a machine profile (schemas/profiles/README.md)."""
        with open(path, "w", encoding="utf-8") as file:
            file.write('version = 1;\nname = "vertical lathe";\nmachine = "spindle";\nchannels = (\n')
            file.write(",\n".join(f'  {{ name = "{n}"; kind = "{self.kind(n)}"; }}' for n in self.node))
            file.write("\n);\ntopology = (\n")
            file.write(",\n".join(f'  {{ from = "{a}"; to = "{b}"; }}' for a, b in self.edge))
            file.write("\n);\n")


class Run:
    """One fault run: its file, when it was diagnosed, and what was manipulated."""

    def __init__(self, folder: Path):
        scenario = json.loads(next(folder.parent.glob("*_description.json")).read_text(encoding="utf-8"))
        times = json.loads((folder / "causes.json").read_text(encoding="utf-8"))
        self.name = f"{folder.parent.name}/{folder.name}"
        self.path = next(folder.glob("*.csv"))
        self.group = scenario["group"]
        self.truth = scenario["manipulatedVars"]
        self.at = times["diagnosis_at"]

    def last_states(self) -> dict[str, tuple[float, str]]:
        """Time and value of each node's last record up to the diagnosis."""
        last: dict[str, tuple[float, str]] = {}
        with open(self.path, encoding="utf-8") as file:
            for row in csv.DictReader(file):
                time = float(row["time_s"])
                if time <= self.at and time >= last.get(row["node"], (time, ""))[0]:
                    last[row["node"]] = (time, row["value"])
        return last


def time_recency(graph: Graph, last: dict[str, tuple[float, str]]) -> list[str]:
    """Variables by how shortly before an alarm's last record they were recorded, alarms in turns."""
    newest_first = sorted(((time, name) for name, (time, _) in last.items()), reverse=True)
    variables = [(time, name) for time, name in newest_first if not graph.is_alarm(name)]
    alarms = [time for time, name in newest_first if graph.is_alarm(name)]
    if not alarms:
        return [name for _, name in variables]
    before = [[name for time, name in variables if time < alarm] for alarm in alarms]
    ranked: dict[str, None] = {}
    for place in range(max(map(len, before))):
        for names in before:
            if place < len(names):
                ranked.setdefault(names[place])
    return list(ranked)


def graph_recency(graph: Graph, last: dict[str, tuple[float, str]]) -> list[str]:
    """Time recency among the direct causes of the alarms that stand, then all others."""
    standing = {name for name, (_, value) in last.items() if graph.is_alarm(name) and value == "True"}
    near = standing | {a for a, b in graph.edge if b in standing}
    first = time_recency(graph, {n: s for n, s in last.items() if n in near}) if standing else []
    return list(dict.fromkeys(first + time_recency(graph, last)))


def millwright(args: argparse.Namespace, run: Run, profile: Path | None) -> list[str]:
    command = [args.millwright, "replay", "--csv", str(run.path), "--long", "time_s,node,value", "--period", "1",
               "--explain-at", str(run.at), "--json", "--quiet"]
    command += ["--profile", str(profile)] if profile else []
    for path in sorted((args.data / "real_op").glob("*.csv"))[: args.normal]:
        command += ["--learn-from", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{run.name}: {done.stderr.strip()}")
    return [variable["name"] for variable in json.loads(done.stdout)["variables"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/causrca")
    parser.add_argument("--millwright", default=str(ROOT / "build/millwright"))
    parser.add_argument("--normal", type=int, help="teach so many normal runs (default: all)")
    parser.add_argument("--no-profile", action="store_true", help="what the ranking is without the graph")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    graph = Graph(args.data / "expert_graph")
    runs = [Run(path.parent) for path in sorted(args.data.glob("dig_twin/exp_*/exp_*/run_*/causes.json"))]
    score: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "lathe.cfg"
        graph.write_profile(profile)
        for run in runs:
            last = run.last_states()
            ranked = {"time recency": time_recency(graph, last), "expert-graph recency": graph_recency(graph, last),
                      "millwright": millwright(args, run, None if args.no_profile else profile)}
            for method, names in ranked.items():
                score[method][run.group].append(average_precision(run.truth, names))
            if score["millwright"][run.group][-1] < 1:
                print(f"{run.name}: {ranked['millwright'][:TOP]} instead of {run.truth}", file=sys.stderr)
    groups = list(dict.fromkeys(run.group for run in sorted(runs, key=lambda r: r.group)))
    figures = {m: {g: sum(v[g]) / len(v[g]) for g in groups} for m, v in score.items()}
    print(f"{'MAP@3, ' + str(len(runs)) + ' runs':24}" + "".join(f"{g:>12}" for g in groups))
    for method, by_group in figures.items():
        print(f"{method:24}" + "".join(f"{by_group[g]:12.3f}" for g in groups))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
