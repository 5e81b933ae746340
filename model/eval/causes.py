"""causRCA as a section of the page: model/eval/causrca.py's rankings, through the model under test."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from model.eval import causrca
from model.eval.harness import Brief, Context, Table

OURS = "replay with the expert graph as profile"
WITHOUT = "replay without a profile"
TIME, GRAPH = "time recency", "expert-graph recency"
PUBLISHED = {"probe": 0.583, "coolant": 1.0, "hydraulics": 0.744}  # expert-graph recency


def ranked(context: Context, run: causrca.Run, normal: list[Path], profile: Path | None) -> list:
    """Variables behind the alarms at the diagnosis, first cause first."""
    options = ["--long", "time_s,node,value", "--period", "1"]
    options += ["--profile", str(profile)] if profile else []
    for path in normal:
        options += ["--learn-from", str(path)]
    return context.explain(run.path, options, run.at)


def precision(context: Context, graph: causrca.Graph, run: causrca.Run, normal: list[Path],
              profile: Path) -> tuple[dict[str, float], bool]:  # fmt: skip
    """Average precision by ranking, and whether ours has a manipulated variable first."""
    last = run.last_states()
    order = {
        OURS: ranked(context, run, normal, profile),
        WITHOUT: ranked(context, run, normal, None),
        GRAPH: causrca.graph_recency(graph, last),
        TIME: causrca.time_recency(graph, last),
    }
    score = {name: causrca.average_precision(run.truth, found) for name, found in order.items()}
    return score, bool(order[OURS]) and order[OURS][0] in run.truth


def evaluate(context: Context) -> list[Table]:
    base = context.data / "causrca"
    graph = causrca.Graph(base / "expert_graph")
    profile = context.work / "lathe.cfg"
    graph.write_profile(profile)
    normal = sorted((base / "real_op").glob("*.csv"))
    runs = [causrca.Run(path.parent) for path in
            sorted(base.glob("dig_twin/exp_*/exp_*/run_*/causes.json"))]  # fmt: skip
    found = context.map(lambda run: precision(context, graph, run, normal, profile), runs,
                        "causRCA")  # fmt: skip
    first = 100 * float(np.mean([right for _, right in found]))
    found = [score for score, _ in found]
    groups = sorted({run.group for run in runs})
    rows, brief = [], []
    for method in found[0]:
        by_group = [float(np.mean([one[method] for one, run in zip(found, runs)
                                   if run.group == group])) for group in groups]  # fmt: skip
        rows.append([method, *by_group])
    brief.append(Brief("cause named right at the diagnosis, % of runs", first, least=70))
    for group, value in zip(groups, rows[0][1:]):
        brief.append(Brief(f"MAP@3 {group}, asked: published expert-graph recency", value,
                           least=PUBLISHED.get(group)))  # fmt: skip
    note = (f"At the time of diagnosis, all nodes ranked; truth: the manipulated variables; "
            f"{len(normal)} normal runs learnt. Published, probe / coolant / hydraulics: time "
            "recency .191 / .353 / .184, expert-graph recency .583 / 1.0 / .744, PageRank .265 / "
            "1.0 / .984; the two recencies here are recomputed from their description.")  # fmt: skip
    title = f"MAP@3 over {len(runs)} fault runs of the scenarios given"
    return [Table(title, ["ranking", *groups], rows, [note], brief=brief)]
