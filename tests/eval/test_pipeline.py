"""The evaluation in miniature, through the built programs: tiny recordings and a few simulated machines.
The bars that it must pass fail when the scores are shuffled."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from model.eval import nab, skab, synthetic
from model.eval.harness import Context, Table
from model.eval.truth import Truth

BUILD = Path(os.environ.get("O", "build"))
MODEL = Path("model/weights/millwright-nano.gguf")
FAULTS = Path("schemas/faults.cfg")
SENSORS = ["flow", "pressure", "current", "temperature"]


def coupled(rows: int, seed: int) -> np.ndarray:
    """Four sensors that one slow driver moves."""
    rng = np.random.default_rng(seed)
    driver = np.zeros(rows)
    for row in range(1, rows):
        driver[row] = 0.95 * driver[row - 1] + 0.3 * rng.normal()
    return driver[:, None] * [1, -1, 0.5, 2] + 0.2 * rng.normal(size=(rows, 4)) + [10, 5, 3, 60]


def write_skab(folder: Path, number: int) -> None:
    values = coupled(700, number)
    values[560:640, 1] += 3
    lines = ["datetime;" + ";".join(SENSORS) + ";anomaly;changepoint"]
    for row, reading in enumerate(values):
        time = f"2020-03-09 {10 + row // 3600:02d}:{row // 60 % 60:02d}:{row % 60:02d}"
        label = int(560 <= row < 640)
        lines.append(";".join([time, *(f"{x:.5f}" for x in reading), f"{label}.0", "0.0"]))
    (folder / f"{number}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_nab(folder: Path) -> None:
    values = coupled(2000, 9)[:, 3]
    values[1500:1600] -= 25
    lines = ["timestamp,value"]
    for row, value in enumerate(values):
        minutes = 5 * row
        day, hour, minute = minutes // 1440 + 1, minutes // 60 % 24, minutes % 60
        lines.append(f"2014-01-{day:02d} {hour:02d}:{minute:02d}:00,{value:.5f}")
    (folder / nab.FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    times = [line.split(",")[0] + ".000000" for line in lines[1:]]
    (folder / "windows.json").write_text(json.dumps({f"x/{nab.FILE}": [[times[1480], times[1620]]]}))


def figure(table: Table, row: str, column: str):
    (found,) = [one for one in table.rows if one[0] == row]
    return found[table.columns.index(column)]


class Shuffled(Context):
    """A replay whose scores say nothing."""

    def replay(self, table, options, model=None):
        replay = super().replay(table, options, model)
        order = np.random.default_rng(0).permutation(len(replay.score))
        replay.score = replay.score[order]
        return replay


class Pipeline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = Path(cls.folder.name)
        (root / "data/skab/valve1").mkdir(parents=True)
        (root / "data/nab").mkdir()
        for number in range(3):
            write_skab(root / "data/skab/valve1", number)
        write_nab(root / "data/nab")
        cls.work = root / "work"
        cls.work.mkdir()
        cls.place = {"data": root / "data", "build": BUILD, "model": MODEL, "faults": FAULTS,
                     "work": cls.work, "series": 24, "healthy": 2}  # fmt: skip

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def skab_auroc(self, context: Context) -> float:
        return figure(skab.evaluate(context)[0], "score", "AUROC")

    def test_recordings_are_scored_and_shuffled_scores_are_not(self):
        self.assertGreater(self.skab_auroc(Context(**self.place)), 0.9)
        self.assertLess(self.skab_auroc(Shuffled(**self.place)), 0.7)

    def test_nab_finds_the_window(self):
        tables = nab.evaluate(Context(**self.place))
        self.assertGreater(figure(tables[0], "robust z, max", "raw score"), 0.5)
        self.assertEqual(figure(tables[0], "robust z, max", "windows found"), "1 of 1")

    def test_simulated_machines_are_told_from_their_truth(self):
        context = Context(**self.place)
        series = synthetic.read_all(context, first_seed=40)
        clear = (2.0, np.inf)
        self.assertGreater(int((synthetic.pooled(series, "now") >= 2).sum()), 50)
        self.assertGreater(synthetic.band_auroc(series, "score", clear, "now"), 0.8)
        mixed = np.random.default_rng(1).permutation(synthetic.scores(series, "score"))
        ends = np.cumsum([len(one.verdict) for one in series])
        for one, part in zip(series, np.split(mixed, ends)):
            one.value["score"] = part
        self.assertLess(synthetic.band_auroc(series, "score", clear, "now"), 0.65)

    def test_one_command_writes_the_page(self):
        page = self.work / "RESULTS.md"
        command = [sys.executable, "-m", "model.eval.run", "--data", str(self.place["data"]),
                   "--build", str(BUILD), "--model", str(MODEL), "--section", "skab", "--page",
                   str(page), "--work", str(self.work)]  # fmt: skip
        subprocess.run(command, check=True, stderr=subprocess.PIPE)
        text = page.read_text(encoding="utf-8")
        self.assertIn("SKAB valve1, 3 files", text)
        self.assertIn("## NAB: machine temperature\n\nNot measured.", text)
        self.assertNotIn(self.folder.name, text)
        self.assertNotIn(str(Path.cwd()), text)

    def test_a_binary_that_fails_ends_the_section(self):
        with self.assertRaisesRegex(RuntimeError, "no-such"):
            Context(**self.place).replay(Path("no-such.csv"), [])


class Series(unittest.TestCase):
    def make(self, folder: str, first: int) -> dict[str, bytes]:
        subprocess.run([BUILD / "mw-series", "--out", folder, "--first-seed", str(first),
                        "--count", "6"], check=True)  # fmt: skip
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}

    def test_equal_arguments_give_equal_bytes(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            self.assertEqual(self.make(one, 40), self.make(two, 40))

    def test_the_truth_starts_with_the_fault(self):
        with tempfile.TemporaryDirectory() as folder:
            self.make(folder, 40)
            seen = 0
            for line in Path(folder, "index.jsonl").read_text().splitlines():
                info = json.loads(line)
                truth = Truth.read(info, Path(folder, f"{info['seed']}.truth.csv"))
                self.assertEqual(len(truth.fault), info["rows"])
                self.assertEqual(truth.names, [one["name"] for one in info["channels"]])
                for fault in (one for one in info["injections"] if one["kind"] != "operation"):
                    seen += 1
                    self.assertEqual(truth.fault[fault["from"] - 1], "none")
                    self.assertEqual(truth.fault[fault["from"]], fault["fault"])
                    self.assertEqual(truth.effect[: fault["from"]].max(), 0)
            self.assertGreater(seen, 0)

    def test_wrong_usage_is_refused(self):
        for arguments in ([], ["--out", "/nonexistent", "--first-seed", "1", "--count", "1"],
                          ["--out", ".", "--first-seed", "-1", "--count", "1"]):  # fmt: skip
            done = subprocess.run([BUILD / "mw-series", *arguments], stderr=subprocess.PIPE)
            self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
