"""What the words say: every explanation that is raised, checked against its rows (words_check.py), on
sealed simulated machines and on the recorded sets, in both languages; and lists for reading.

    /usr/bin/python3 -m model.eval.words --events FILE ... --list OUT.md --count 100

writes so many random explanations beside a picture of their window.  FILE: `replay --events FILE --windows`;
the section keeps its own in BUILD/eval/words/.
"""
from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.eval import nab, skab, tep
from model.eval.harness import PATCH, Brief, Context, Table, write_table
from model.eval.seeds import WORDS
from model.eval.truth import BANDS, WINDOW_PATCHES, Truth, row_of
from model.eval.words_check import LANGUAGES, Checked, check, commonest, distinct_2, mean_length, onset_apart
from model.eval.words_page import skeleton, slips
from model.eval.words_rows import Rows, rows_of

LANGUAGE_NAME = {"en": "English", "ko": "Korean"}
SIMULATED = "simulated"
SHARE_OF_SERIES = 4  # one in so many of the synthetic test's number
COMMONEST_MOST = 5.0  # % of texts that one skeleton may have


@dataclass
class Job:
    """One replay."""

    kind: str
    table: Path
    options: list[str]
    truth: Truth | None = None


@dataclass
class Told:
    """An event of a job, and what the checker says of it."""

    kind: str
    language: str
    event: dict
    checked: Checked
    truth: Truth | None

    @property
    def by_model(self) -> bool:
        return self.event["form"] == "words"


# --- the sets -----------------------------------------------------------------------------------


def simulated_jobs(context: Context, first_seed: int, folder: Path) -> list[Job]:
    count = max(1, context.series // SHARE_OF_SERIES)
    subprocess.run([context.build / "mw-series", "--out", folder, "--first-seed", str(first_seed),
                    "--count", str(count)], check=True)  # fmt: skip
    jobs = []
    for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
        info = json.loads(line)
        options = ["--learn", str(info["learn"]), "--type", info["machine"],
                   "--period", str(info["period_s"])]  # fmt: skip
        truth = Truth.read(info, folder / f"{info['seed']}.truth.csv")
        jobs.append(Job(SIMULATED, folder / f"{info['seed']}.csv", options, truth))
    return jobs


def recorded_jobs(context: Context, folder: Path) -> list[Job]:
    """Those of the recorded sets that are there."""
    jobs = [Job("SKAB", path, skab.OPTIONS) for path in skab.files(context)]
    if (context.data / "tep").is_dir():
        normal = tep.load(context.data / "tep" / "d00.dat")
        options = ["--learn", str(len(normal)), "--period", str(tep.PERIOD_S), "--type", "tank"]
        for path in sorted((context.data / "tep").glob("d*_te.dat")):
            table = folder / f"tep_{path.stem}.csv"
            write_table(np.vstack([normal, tep.load(path)]), table)
            jobs.append(Job("TEP", table, options))
    path = context.data / "nab" / nab.FILE
    if path.exists():
        learn = nab.probation_rows(len(path.read_text(encoding="utf-8").splitlines()) - 1)
        jobs.append(Job("NAB", path, ["--time", "timestamp", "--learn", str(learn)]))
    return jobs


def is_told(event: dict) -> bool:
    """Words are made when an event is raised or updated; a line without rows repeats them."""
    return bool(event["channels"]) and event.get("window") is not None and bool(event["window"]["channels"])


def tell(context: Context, job: Job, language: str) -> list[Told]:
    replay = context.replay(job.table, [*job.options, "--windows", "--language", language])
    return [Told(job.kind, language, event, check(event), job.truth)
            for event in replay.events if is_told(event)]  # fmt: skip


def tell_all(context: Context, first_seed: int = WORDS) -> list[Told]:
    folder = context.work / "words-tables"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    jobs = recorded_jobs(context, folder) + simulated_jobs(context, first_seed, folder)
    work = [(job, language) for job in jobs for language in LANGUAGES]
    told = context.map(lambda one: tell(context, *one), work, "words")
    shutil.rmtree(folder)
    return [one for some in told for one in some]


def keep(context: Context, told: Sequence[Told]) -> None:
    """Events and problems, for reading."""
    folder = context.work / "words"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for one in told:
        name = f"{one.kind.lower()}-{one.language}"
        with open(folder / f"{name}.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(one.event, ensure_ascii=False) + "\n")
        for problem in one.checked.problems:
            with open(folder / "problems.txt", "a", encoding="utf-8") as file:
                place = f"{name} {one.event['id']} {one.event['sequence']}"
                file.write(f"{place} {problem.kind} {problem.reference}: {problem.what}\n")


# --- figures ------------------------------------------------------------------------------------


def percent(part: float, whole: float) -> float | None:
    return 100.0 * part / whole if whole else None


def problems(told: Iterable[Told], *kinds: str) -> int:
    return sum(len(one.checked.of(*kinds)) for one in told)


TRUE_COLUMNS = [
    "set", "language", "explanations", "worded by the model, %", "valid, %", "numbers", "true, %", "claims",
    "true, %", "references to channels", "to one that does not deviate", "claims listed that do not follow",
]  # fmt: skip


def true_row(name: str, language: str, told: list[Told]) -> list:
    numbers, claims = (sum(getattr(one.checked, key) for one in told) for key in ("numbers", "claims"))
    valid = sum(not one.checked.of("text", "window", "channel") for one in told)
    return [
        name, language, len(told),
        percent(sum(one.by_model for one in told), len(told)), percent(valid, len(told)),
        numbers, percent(numbers - problems(told, "number"), numbers),
        claims, percent(claims - problems(told, "claim"), claims),
        sum(one.checked.channels for one in told), problems(told, "channel"), problems(told, "listed"),
    ]  # fmt: skip


def true_table(told: list[Told]) -> Table:
    kinds = list(dict.fromkeys(one.kind for one in told))
    rows = [true_row(kind, LANGUAGE_NAME[language], [o for o in told if (o.kind, o.language) == (kind, language)])
            for kind in kinds for language in LANGUAGES]  # fmt: skip
    rows.append(true_row("all", "both", told))
    last = dict(zip(("valid", "numbers", "claims"), (rows[-1][i] for i in (4, 6, 8))))
    table = Table(
        "Explanations against their rows", TRUE_COLUMNS, rows,
        ["Every number and every claim of every event that was raised or updated is decided again from the "
         "event's rows, its channels' healthy spread and step, and the definitions of gateway/core/claim.h; how "
         "it reads, with rounding and unit, is written again from schemas/prompt.md "
         "(model/eval/words_check.py). Valid: well-formed, and of channels that deviate.",
         f"Simulated machines from seed {WORDS}. Where the model found no end in time, fixed sentences say the "
         "same: the rest of `worded by the model`."],
        digits=2,
    )  # fmt: skip
    table.brief = [
        Brief("explanations valid, %", last["valid"], least=100),
        Brief("numbers true, %", last["numbers"], least=100),
        Brief("claims true, %", last["claims"], least=100),
        Brief("references to channels that do not deviate", rows[-1][10], most=0),
    ]
    return table


def variety_table(told: list[Told]) -> Table:
    rows, brief = [], []
    for language in LANGUAGES:
        events = [one.event for one in told if one.language == language and one.by_model]
        share = 100 * commonest(events)
        slipped = percent(sum(bool(slips(event)) for event in events), len(events))
        rows.append([LANGUAGE_NAME[language], len(events), len(set(map(skeleton, events))), share,
                     distinct_2(events), mean_length(events), slipped])  # fmt: skip
        brief.append(Brief(f"commonest skeleton, {LANGUAGE_NAME[language]}, %",
                           None if math.isnan(share) else share, most=COMMONEST_MOST))  # fmt: skip
    note = ("A skeleton is a text with what it cites replaced by the reference; claims keep their words. "
            "Distinct-2: different pairs of neighbouring words, of all pairs, citations as their "
            "references. A slip is a sentence that no frame of model/train/phrases yields.")  # fmt: skip
    columns = ["language", "texts of the model", "skeletons", "commonest, %", "distinct-2", "words, mean",
               "with a slip, %"]  # fmt: skip
    return Table("Variety", columns, rows, [note], digits=3, brief=brief)


# --- against what was simulated ------------------------------------------------------------------


@dataclass
class Against:
    """An event of a simulated machine beside the truth of its window."""

    told: Told
    effect: float  # the window's largest, noise units
    unaffected: int  # references to channels without an effect
    onset_apart: int | None  # patches; None: one of the two lies before the window


def against(told: Told) -> Against | None:
    truth, event = told.truth, told.event
    if truth is None:
        return None
    period = truth.info["period_s"]
    patch = min(row_of(event["updated"], period) // PATCH, truth.patches - 1)
    first = max(patch - WINDOW_PATCHES + 1, 0)
    largest = dict(zip(truth.names, truth.shown[first : patch + 1].max(axis=0)))
    window = truth.window(patch)
    if window is None:
        return None
    cited = [event["channels"][int(one["reference"][1]) - 1]["channel"] for one in event["citations"]
             if one["reference"].endswith(".name")]  # fmt: skip
    onset = (row_of(event["onset"], period) - first * PATCH) // PATCH
    known = window.onset >= 0 and not event["onset_before_window"]
    return Against(told, window.effect, sum(largest[name] == 0 for name in cited),
                   abs(onset - window.onset) if known else None)  # fmt: skip


def truth_table(told: list[Told]) -> Table:
    rows, low = [], BANDS[-1][0]
    for language in LANGUAGES:
        every = [against(one) for one in told if one.language == language]
        strong = [one for one in every if one and one.effect >= low]
        apart = [one.onset_apart for one in strong if one.onset_apart is not None]
        by_rows = [onset_apart(one.told.event) for one in strong]
        by_rows = [value for value in by_rows if value is not None]
        rows.append([LANGUAGE_NAME[language], len(strong), sum(one.unaffected for one in strong),
                     percent(sum(value <= 1 for value in apart), len(apart)),
                     percent(sum(value <= 1 for value in by_rows), len(by_rows))])  # fmt: skip
    columns = ["language", "explanations", "channels named on which the fault does not show",
               "onset within one patch, %",
               "onset within one patch of where the rows leave normal, %"]  # fmt: skip
    note = ("Against the simulation. The last column: sudden changes only, the first two rows beyond 4 spreads "
            "of the first channel. The onset that is told is always the event's own (checked above).")  # fmt: skip
    return Table(f"Simulated windows above {low:g} noise units", columns, rows, [note], digits=1)


def evaluate(context: Context) -> list[Table]:
    told = tell_all(context)
    keep(context, told)
    return [true_table(told), variety_table(told), truth_table(told)]


# --- for reading --------------------------------------------------------------------------------

BARS = "▁▂▃▄▅▆▇█"


def spark(values: np.ndarray, low: float, high: float) -> str:
    """One letter a row; a dot where nothing was received."""
    size = (high - low) or 1.0
    return "".join(
        "·" if math.isnan(x) else BARS[min(len(BARS) - 1, max(0, int((x - low) / size * len(BARS))))]
        for x in values
    )


def began(rows: Rows, event: dict) -> str:
    """What is to be known of an onset that the window does not show."""
    if not rows.onset_before:
        return ""
    known = not event["onset_before_window"]
    return f" (before the window: it was seen at {event['onset']})" if known else " (before, at a time unknown)"


def picture(rows: Rows, number: int, event: dict) -> list[str]:
    both = np.concatenate([rows.value, rows.expected])
    known = both[np.isfinite(both)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    said, unit = rows.said, rows.said["unit"]
    text = lambda value: "–" if value is None or math.isnan(value) else f"{value:.5g}"  # noqa: E731
    return [
        f"c{number} {said['channel']} [{unit}] {low:.5g} .. {high:.5g}",
        f"   read     {spark(rows.value, low, high)}",
        f"   expected {spark(rows.expected, low, high)}",
        f"   onset    {' ' * rows.onset}^{began(rows, event)}",
        f"   peak {text(said['value'])} for {text(said['expected'])}, {text(said['deviation'])} spreads; "
        f"before {text(rows.mean_before())}, now {text(rows.mean_now())}; "
        f"{' '.join(said['claims']) or 'no claims'}",
    ]


def entry(place: int, event: dict) -> str:
    others = event["others"]
    level = "–" if others["level"] is None else f"{others['level']:.1f}"
    head = f"## {place}. {event['verdict']}, {event['fault']}, severity {event['severity']}, {event['form']}"
    lines = [head, "", f"> {event['explanation']}", "", "```"]
    for number, rows in enumerate(rows_of(event), 1):
        lines += picture(rows, number, event)
    lines += [f"others: {others['channels']}, farthest off {level}"]
    problems_found = check(event).problems
    lines += [f"checker: {one.kind} {one.reference}: {one.what}" for one in problems_found]
    return "\n".join(lines + ["```", "", "- [ ] as an engineer would write it", ""])


def reading_list(events: Sequence[dict], count: int, seed: int) -> str:
    """So many of the events, one of each at random."""
    last: dict[str, list[dict]] = defaultdict(list)
    for event in events:
        if is_told(event):
            last[f"{event['asset']} {event['id']} {event['model']} {event['explanation']}"].append(event)
    different = [some[0] for some in last.values()]
    chosen = random.Random(seed).sample(different, min(count, len(different)))
    title = f"# {len(chosen)} of {len(different)} explanations, drawn with seed {seed}\n"
    return "\n".join([title, *(entry(place, event) for place, event in enumerate(chosen, 1))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=Path, nargs="+", required=True)
    parser.add_argument("--list", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    events = [json.loads(line) for path in arguments.events
              for line in path.read_text(encoding="utf-8").splitlines()]  # fmt: skip
    arguments.list.write_text(reading_list(events, arguments.count, arguments.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
