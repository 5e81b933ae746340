"""The checker of explanations: events made by hand whose words are right, and the same with one thing
wrong, which it has to find and call by its name."""
from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from model.eval import words
from model.eval.words_check import check, commonest, distinct_2, onset_apart
from model.eval.words_page import skeleton, slips
from model.eval.words_rows import rows_of
from model.eval.words_text import deviation, duration, measure, moment, number
from model.train.claims import parse_claim
from model.train.phrasing import draw
from model.train.words import LANGUAGES, page

ROWS, START = 64, "2026-11-03T10:00:00.000Z"
RIPPLE = np.tile([0.0, 0.5, 0.0, -0.5], ROWS // 4)  # healthy: spread 0.5, steps of 0.5


def iso(row: float) -> str:
    minutes, second = divmod(int(row), 60)
    return f"2026-11-03T10:{minutes:02d}:{second:02d}.000Z"


def channel(name: str, value: np.ndarray, expected: float, onset: int, claims: str, unit: str = "bar", **over) -> dict:
    """As an event gives it; the numbers by the definitions, written out once more and simply."""
    z = (value - expected) / 0.5
    peak = onset + int(np.nanargmax(np.abs(z[onset:])))
    known = value[~np.isnan(value)]
    before = float(np.nanmean(value[onset - 4 : onset])) if {"rose", "fell"} & set(claims.split()) else None
    said = {
        "channel": name, "index": 0, "unit": unit, "value": float(value[peak]), "expected": expected,
        "deviation": float(z[peak]), "strength": 9.0, "direction": "neither", "move": "held", "time": iso(peak),
        "spread": 0.5, "step": 0.5, "before": before, "now": float(known[-4:].mean()), "limit": None,
        "claims": claims.split(), "rows": value, "expects": np.full(ROWS, expected),
    }  # fmt: skip
    said["direction"] = {"above": "above", "below": "below"}.get(claims.split()[0] if claims else "", "neither")
    return said | over


def table(columns: list[np.ndarray]) -> list[list]:
    rows = np.stack(columns, axis=1).tolist()
    return [[None if math.isnan(value) else value for value in row] for row in rows]


def event_of(channels: list[dict], said: list, onset: int = 32, language: str = "en", **over) -> dict:
    """said: text, or (reference, text, value)."""
    raw, citations = b"", []
    for part in said:
        text = part if isinstance(part, str) else part[1]
        if not isinstance(part, str):
            end = len(raw) + len(text.encode())
            citations.append({"from": len(raw), "to": end, "reference": part[0], "value": part[2]})
        raw += text.encode()
    values = table([one.pop("rows") for one in channels])
    expected = table([one.pop("expects") for one in channels])
    window = {"from": START, "period_s": 1.0, "channels": [one["channel"] for one in channels],
              "value": values, "expected": expected,
              "spread": [[one["spread"] for one in channels]] * ROWS}  # fmt: skip
    event = {
        "id": "ev-0", "asset": "m", "model": "test", "sequence": 0, "verdict": "fault", "fault": "leak", "severity": 2,
        "onset": iso(onset), "onset_before_window": False, "raised": iso(ROWS), "updated": iso(ROWS),
        "window_from": START, "window_to": iso(ROWS), "period_s": 1.0, "channels": channels,
        "others": {"channels": 5, "level": 2.5}, "explanation": raw.decode(), "language": language,
        "form": "words", "citations": citations, "similar": [], "window": window,
    }  # fmt: skip
    return json.loads(json.dumps(event | over))


def stepped(onset: int = 32, by: float = 4.0) -> np.ndarray:
    return 20.0 + RIPPLE + np.where(np.arange(ROWS) >= onset, by, 0.0)


def step_event(**over) -> dict:
    """A pressure that rose from 20 to 24 bar at 10:00:32, eight spreads and a ripple of one."""
    pressure = channel("Pressure_2", stepped(), 20.0, 32, "above rose sudden")
    other = channel("flow", 50.0 + RIPPLE - np.where(np.arange(ROWS) >= 40, 5.0, 0.0), 50.0, 32,
                    "below fell sudden after", "m3/h")  # fmt: skip
    said = [
        "Since ", ("onset", "10:00:32 on 3 November", 1793700032.0), " ", ("c1.name", "Pressure_2", None), " ",
        ("c1.rose", "has climbed", 8.0), " ", ("c1.sudden", "abruptly", 0.0), " from ", ("c1.from", "20 bar", 20.0),
        " to ", ("c1.now", "24 bar", 24.0), ", ", ("c1.dev", "9 times its healthy spread", 9.0), " ",
        ("c1.dir", "above", None), " normal at the worst: ", ("c1.value", "24.5 bar", 24.5), " instead of ",
        ("c1.normal", "20 bar", 20.0), ". ", ("c2.name", "flow", None), " ", ("c2.after", "followed", 8.0), ", by ",
        ("c2.dev", "11 times its healthy spread", -11.0), ". ",
        ("others.steady", "No other channel confirms it", 2.5), ".",
    ]  # fmt: skip
    return event_of([pressure, other], said, **over)


def spelled(drawn: list[str], language: str) -> dict:
    """Words of a frame as the skeleton of an event that cites nothing."""
    text = ""
    for word in drawn:
        claim = parse_claim(word)
        reads = claim.reads if claim else word.removeprefix("+").replace("_", " ")
        if word.startswith("{josa:"):
            reads = word[6:-1].split("/")[0]
        elif word.startswith("{") and not claim:
            reads = f"<{word[1:-1]}>"
        joins = claim.joins if claim else word.startswith(("+", "{josa:"))
        text += reads if joins or not text else f" {reads}"
    return {"explanation": text, "citations": [], "language": language}


class Right(unittest.TestCase):
    def test_an_explanation_that_is_true_has_no_problem(self):
        event = step_event()
        event["channels"][1]["claims"] = ["below", "fell", "after", "sudden"]
        checked = check(event)
        self.assertEqual(checked.problems, [])
        self.assertEqual((checked.numbers, checked.claims), (8, 4))
        self.assertEqual(onset_apart(event), 0)

    def test_the_same_in_korean(self):
        pressure = channel("압력", stepped(by=-4.0), 20.0, 32, "below fell sudden")
        said = [
            ("onset", "11월 3일 10시 0분 32초", 1793700032.0), "부터 ", ("c1.name", "압력", None), "이 예상값 ",
            ("c1.normal", "20 bar", 20.0), "보다 ", ("c1.dev", "정상 변동폭의 9배", -9.0), " ", ("c1.dir", "낮게", None),
            " 나타났습니다. ", ("others.steady", "나머지 채널은 모두 정상입니다", 2.5), ".",
        ]  # fmt: skip
        self.assertEqual(check(event_of([pressure], said, language="ko")).problems, [])


class Wrong(unittest.TestCase):
    def spoiled(self, of: str, **change) -> dict:
        event = step_event()
        (citation,) = [one for one in event["citations"] if one["reference"] == of]
        citation |= change
        return event

    def renamed(self, old: str, new: str, text: str | None = None) -> dict:
        """A citation of another reference, and of other words."""
        event = self.spoiled(old, reference=new)
        return reworded(event, new, text) if text else event

    def kinds(self, event: dict, *left_out: str) -> list[tuple[str, str]]:
        return [(one.kind, one.reference) for one in check(event).problems if one.kind not in left_out]

    def test_a_number_that_is_not_the_rows_is_found(self):
        for reference, value in (("c1.value", 25.0), ("c1.normal", 19.0), ("c1.dev", 8.9), ("c1.from", 20.4),
                                 ("c1.now", 24.5), ("onset", 1793700036.0), ("c2.dev", 11.0)):  # fmt: skip
            self.assertEqual(self.kinds(self.spoiled(reference, value=value)), [("number", reference)])

    def test_a_number_that_reads_otherwise_is_found(self):
        for reference, text in (("c1.value", "24.6 bar"), ("c1.value", "24.50 bar"), ("c1.value", "24.5"),
                                ("c1.dev", "9.0 times its healthy spread"), ("c1.dir", "below"),
                                ("c1.now", "24 kPa"), ("onset", "10:00:32 on 4 November"),
                                ("onset", "before 10:00:32 on 3 November")):  # fmt: skip
            event = reworded(step_event(), reference, text)
            self.assertEqual(self.kinds(event), [("number", reference)], text)

    def test_a_claim_that_does_not_hold_is_found(self):
        for old, new, text in (
            ("c1.rose", "c1.fell", "has dropped"), ("c1.sudden", "c1.gradual", "gradually"),
            ("c1.rose", "c1.still", "has stood still"), ("c1.rose", "c1.swings", "has been oscillating"),
            ("c1.sudden", "c1.strong", "far"), ("c1.sudden", "c1.growing", "is getting worse"),
            ("c2.after", "c2.before", "was off first"), ("c2.after", "c2.with", "went off at about the same time"),
            ("others.steady", "others.off", "At least one more channel deviates"),
            ("c1.rose", "c1.over_limit", "passed its limit of"), ("c1.rose", "c1.lost", "has had gaps"),
            ("c1.rose", "c1.back", "is back to normal"), ("c1.rose", "c1.noisy", "has fluttered"),
            ("c1.rose", "c1.spikes", "has spiked"), ("c1.rose", "c1.calm", "has been unusually calm"),
            ("c1.rose", "c1.below", "has run low"), ("c1.rose", "c1.slight", "slightly"),
        ):  # fmt: skip
            found = self.kinds(self.renamed(old, new, text))
            self.assertIn(("claim", new), found, new)
            self.assertEqual({kind for kind, _ in found}, {"claim"})

    def test_words_that_claim_something_else_are_found(self):
        for text in ("has dropped", "climbed a lot", "since"):
            self.assertEqual(self.kinds(reworded(step_event(), "c1.rose", text)), [("claim", "c1.rose")])

    def test_the_words_of_one_channel_are_not_those_of_another(self):
        event = self.spoiled("c1.rose", reference="c2.rose")
        self.assertIn(("claim", "c2.rose"), self.kinds(event))

    def test_a_digit_that_is_not_cited_is_found(self):
        event = step_event()
        event["explanation"] += " 3 times."
        self.assertEqual(self.kinds(event), [("number", "")])

    def test_a_channel_that_does_not_deviate_is_found(self):
        event = step_event()
        event["channels"][0]["strength"] = 2.0
        self.assertEqual(self.kinds(event), [("channel", "c1.name")])
        quiet = channel("idle", 20.0 + RIPPLE, 20.0, 32, "slight")
        event = event_of([quiet], [("c1.name", "idle", None), " is off."])
        self.assertEqual(self.kinds(event, "listed"), [("channel", "c1.name")])

    def test_a_name_of_another_channel_is_found(self):
        self.assertEqual(self.kinds(reworded(step_event(), "c1.name", "flow")), [("channel", "c1.name")])
        self.assertIn(("channel", "c3.name"), self.kinds(self.renamed("c2.name", "c3.name")))

    def test_what_is_no_reference_or_not_rendered_is_found(self):
        self.assertIn(("text", "c1.mood"), self.kinds(self.renamed("c1.dir", "c1.mood")))
        event = step_event()
        event["explanation"] += " {c1.value}"
        self.assertIn("text", [kind for kind, _ in self.kinds(event)])

    def test_spans_that_overlap_are_found(self):
        event = step_event()
        event["citations"][1]["from"] = 2
        self.assertIn("text", [kind for kind, _ in self.kinds(event)])

    def test_claims_that_are_listed_and_do_not_follow_are_found(self):
        event = step_event()
        event["channels"][0]["claims"] = ["above", "rose", "gradual"]
        self.assertEqual(self.kinds(event), [("listed", "c1.gradual"), ("listed", "c1.sudden")])

    def test_an_event_without_its_rows_is_said_to_be_so(self):
        event = step_event()
        event["window"] = None
        self.assertIn("window", [kind for kind, _ in self.kinds(event)])


def reworded(event: dict, reference: str, text: str) -> dict:
    """The event with other words in one span, the others moved along."""
    event, raw = copy.deepcopy(event), event["explanation"].encode()
    (span,) = [one for one in event["citations"] if one["reference"] == reference]
    first, end = span["from"], span["to"]
    moved = len(text.encode()) - (end - first)
    event["explanation"] = (raw[:first] + text.encode() + raw[end:]).decode()
    for one in event["citations"]:
        for key in ("from", "to"):
            one[key] += moved if one[key] >= end else 0
    return event


class Shapes(unittest.TestCase):
    """Claims of shapes drawn by hand, each against a shape that just misses it."""

    def claims(self, value: np.ndarray, onset: int = 32, **over) -> set[str]:
        said = channel("x", value, 20.0, onset, "", **over)
        (rows,) = rows_of(event_of([said], ["-"], onset=onset))
        return rows.claims.sure | rows.claims.border

    def test_shapes(self):
        at = np.arange(ROWS)
        since = np.maximum(0, at - 31)
        wave = np.where(at >= 32, 3 * np.sin(2 * np.pi * (at - 61.5) / 16), 0.0)
        lone = np.where(at == 45, 6.0, 0.0)
        gap = np.where((at >= 40) & (at < 50), np.nan, 0.0)
        rough = np.where(at >= 32, np.tile([2.0, -2.0], ROWS // 2), 0.0)
        hump = np.where((at >= 36) & (at < 52), 4.0, 0.0)
        frozen = np.where(at < 44, 20.0 + RIPPLE, 20.5)
        for name, value, has, has_not in (
            ("ramp", 20 + RIPPLE + 0.15 * since, {"rose", "gradual", "growing"}, {"sudden", "back", "fell"}),
            ("falling ramp", 20 + RIPPLE - 0.15 * since, {"fell", "gradual", "below"}, {"rose", "above"}),
            ("step", stepped(), {"rose", "sudden", "above"}, {"gradual", "growing", "swings", "noisy"}),
            ("wave", 20 + RIPPLE + wave, {"swings"}, {"rose", "still", "spikes"}),
            ("lone", 20 + RIPPLE + lone, {"spikes"}, {"noisy", "rose", "swings"}),
            ("gap", 20 + RIPPLE + gap, {"lost"}, {"spikes", "noisy"}),
            ("short gap", 20 + RIPPLE + np.where((at >= 40) & (at < 47), np.nan, 0.0), set(), {"lost"}),
            ("end gap", 20 + RIPPLE + np.where(at >= 60, np.nan, 0.0), {"lost"}, set()),
            ("rough", 20 + RIPPLE + rough, {"noisy"}, {"calm", "swings", "spikes"}),
            ("quiet", 20 + RIPPLE * np.where(at >= 32, 0.3, 1), {"calm"}, {"noisy"}),
            ("hump", 20 + RIPPLE + hump, {"back"}, {"rose", "growing"}),
            ("frozen", frozen, {"still"}, {"lost"}),
            ("not long frozen", np.where(at < 54, 20.0 + RIPPLE, 20.5), set(), {"still"}),
            ("large", stepped(by=9.0), {"strong"}, {"slight"}),
            ("small", stepped(by=1.2), {"slight"}, {"strong"}),
        ):  # fmt: skip
            found = self.claims(value)
            self.assertLessEqual(has, found, name)
            self.assertFalse(has_not & found, f"{name}: {has_not & found}")

    def test_limits(self):
        self.assertIn("over_limit", self.claims(stepped(), limit=23.0))
        self.assertNotIn("over_limit", self.claims(stepped(), limit=25.0))
        self.assertIn("under_limit", self.claims(stepped(by=-4.0), limit=17.0))

    def test_an_onset_before_the_window_leaves_out_what_was_before(self):
        said = channel("x", stepped(0), 20.0, 4, "above")
        event = event_of([said], ["-"], onset_before_window=True)
        event["onset"] = START
        (rows,) = rows_of(event)
        self.assertTrue(math.isnan(rows.mean_before()))
        self.assertNotIn("sudden", rows.claims.sure)

    def test_what_is_no_quantity_neither_rises_nor_swings(self):
        self.assertEqual(self.claims(stepped(), spread=None, step=None), set())


class Reading(unittest.TestCase):
    def test_numbers_are_written_as_the_contract_says(self):
        for value, digits, text in ((3.11616296, 4, "3.116"), (2184.3, 4, "2184"), (24.50, 4, "24.5"), (0.00042, 4, "0.00042"), (4.2e-5, 4, "4.2e-5"),
                                    (1234567.0, 4, "1.235e6"), (-0.5, 4, "-0.5"), (123456.0, 4, "123500"), (0.0, 4, "0"),
                                    (7.4194, 2, "7.4"), (999.96, 3, "1000"), (12.5, 2, "12")):  # fmt: skip
            self.assertEqual(number(value, digits), text)

    def test_two_numbers_are_told_apart(self):
        self.assertEqual(measure(1500.25, 1500.0, "rpm"), "1500.25 rpm")
        self.assertEqual(measure(1500.0, 1500.25, "rpm"), "1500 rpm")
        self.assertEqual(measure(45.0, 40.0, "%"), "45%")
        self.assertEqual(measure(45.0, 40.0, ""), "45")

    def test_times_and_durations(self):
        self.assertEqual(moment(449.0, "en", False), "00:07:29 on 1 January")
        self.assertEqual(moment(449.0, "ko", True, 9 * 3600), "1월 1일 9시 7분 29초 이전")
        for length, english, korean in ((31.9, "31 s", "31초"), (150, "3 min", "3분"), (7500, "2 h 5 min", "2시간 5분"),
                                        (7200, "2 h", "2시간"), (400000, "5 days", "5일")):  # fmt: skip
            self.assertEqual(duration(length, "en", False), english)
            self.assertEqual(duration(length, "ko", False), korean)
        self.assertEqual(duration(60, "en", True), "more than 60 s")
        self.assertEqual(deviation(-2000.0, "en"), "more than 1000 times its healthy spread")
        self.assertEqual(deviation(-2000.0, "ko"), "정상 변동폭의 1000배 이상")
        self.assertEqual(deviation(15.7, "ko"), "정상 변동폭의 16배")


class Figures(unittest.TestCase):
    def test_a_skeleton_keeps_claims_and_drops_what_is_cited(self):
        self.assertTrue(skeleton(step_event()).startswith("Since <onset> <c1.name> has climbed abruptly from <c1.from>"))
        other = reworded(step_event(), "c1.value", "99 bar")
        self.assertEqual(commonest([step_event(), other]), 1.0)
        changed = reworded(step_event(), "c1.rose", "has risen")
        self.assertEqual(commonest([step_event(), other, changed]), 2 / 3)
        self.assertLess(distinct_2([step_event(), other]), distinct_2([step_event()]))

    def test_what_every_frame_yields_is_no_slip(self):
        rng = np.random.default_rng(1)
        for language in LANGUAGES:
            for name, frames in page(language).sections.items():
                for frame in frames:
                    drawn = draw(frame, lambda word: True, lambda word: 1.0, rng)
                    self.assertEqual(slips(spelled([*drawn, "+."], language)), [], name)

    def test_half_of_one_frame_and_half_of_another_is_a_slip(self):
        said = "<c1.name> has been off <onset>, clearly: <c1.value>, <c1.dev> its normal <c1.normal>"
        event = {"explanation": f"{said}. No other channel confirms it.", "citations": [], "language": "en"}
        self.assertEqual(slips(event), [said])

    def test_the_table_counts_what_is_true(self):
        bad = step_event()
        bad["citations"][0]["value"] = 7.0
        told = [words.Told("SKAB", "en", one, check(one), None) for one in (step_event(), bad)]
        table_ = words.true_table(told)
        row = dict(zip(table_.columns[:7], table_.rows[-1]))
        self.assertEqual((row["explanations"], row["numbers"]), (2, 16))
        self.assertAlmostEqual(table_.rows[-1][6], 100 * 15 / 16)
        self.assertEqual([one.least for one in table_.brief[:3]], [100, 100, 100])

    def test_a_list_for_reading_shows_the_words_beside_the_rows(self):
        with tempfile.TemporaryDirectory() as folder:
            events, out = Path(folder, "events.jsonl"), Path(folder, "list.md")
            lines = [json.dumps(step_event() | {"id": f"ev-{i}"}) for i in range(3)]
            events.write_text("\n".join(lines) + "\n", encoding="utf-8")
            command = [sys.executable, "-m", "model.eval.words", "--events", events, "--list", out, "--count", "2"]
            subprocess.run([*map(str, command)], check=True)
            text = out.read_text(encoding="utf-8")
        self.assertEqual(text.count("\n## "), 2)
        self.assertIn("> Since 10:00:32 on 3 November Pressure_2 has climbed", text)
        self.assertIn("c1 Pressure_2 [bar] 19.5 .. 24.5", text)
        self.assertRegex(text, "read     [▁▂]{32}[█▇]{32}\n")
        self.assertNotIn("checker:", text)


if __name__ == "__main__":
    unittest.main()
