"""The prompt contract: the Python encoder and grammar against the vectors that the C tests read."""
from __future__ import annotations

import math
import os
import unittest
from pathlib import Path

from model.train.layout import NONE_CODE, read_layout
from model.train.prompt import (
    BINS, SCALES, Channel, Encoder, Grammar, Profile, Window, bin_of, chosen_channels, word_class,
)  # fmt: skip
from model.train.prompt_vector import read_vector

LAYOUT = read_layout(Path(os.environ["MW_DESCRIBE"]))
DATA = Path("tests/data")


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines()]


def grammar_of(answers: list[list[str]]) -> tuple[Grammar, dict[str, int]]:
    """The grammar with the words that the answers use, and the number of every name."""
    words = sorted({name for answer in answers for name in answer} - set(LAYOUT.names))
    numbers = {name: i for i, name in enumerate(list(LAYOUT.names) + words)}
    return Grammar(LAYOUT, words), numbers


class Codes(unittest.TestCase):
    def test_features_give_the_codes_of_the_file(self):
        encoder = Encoder(LAYOUT)
        cases = read_vector(DATA / "prompt_vector.bin", LAYOUT)
        self.assertGreaterEqual(len(cases), 24)
        for window, prompt in cases:
            self.assertEqual(encoder.encode(window), prompt)

    def test_the_file_holds_every_code_of_a_prompt_and_both_languages(self):
        seen = set()
        for _, prompt in read_vector(DATA / "prompt_vector.bin", LAYOUT):
            seen.update(code for row in prompt.code for position in row for code in position)
            seen.update(prompt.question)
        self.assertEqual(seen - {NONE_CODE}, set(range(LAYOUT.table("verdict"))))

    def test_halves_go_to_the_even_bin_and_ends_are_held(self):
        self.assertEqual([bin_of(x) for x in (2.5, 3.5, -9.0, 1e30, 0.49)], [2, 4, 0, 31, 0])
        level = SCALES["channel"][0]
        self.assertEqual(bin_of(level(0.0)), BINS // 2)
        self.assertEqual(bin_of(level(-1.0)) + bin_of(level(1.0)), BINS)

    def test_of_a_wide_machine_the_heaviest_channels_get_a_row_in_their_order(self):
        self.assertEqual(chosen_channels([1, 5, 1, 7, 1], 3), [0, 1, 3])
        quiet = [0.0] * 7
        channel = lambda weight: Channel(  # noqa: E731
            weight, 0, quiet, [quiet] * 3, [quiet] * 16, [0] * 16, quiet[:6]
        )
        window = Window(0, 0, 0, [channel(c % 20) for c in range(40)], [quiet] * 3, [quiet] * 16)
        shown = Encoder(LAYOUT).encode(window).channels
        self.assertEqual(shown, [*range(12, 20), *range(32, 40)])


    def test_a_profile_says_limits_topology_and_weak_points(self):
        none = math.nan
        for profile, now, code in (
            (Profile(none, none, none, none, 0, 0, 0.0), 5.0, 0),
            (Profile(1.0, 9.0, none, none, 0, 0, 0.0), 9.0, 6),
            (Profile(1.0, 9.0, none, none, 0, 0, 0.0), none, 6),
            (Profile(1.0, 9.0, none, 20.0, 0, 1, 0.0), 9.5, 14),
            (Profile(1.0, 9.0, 0.0, none, 2, 0, 3.0), -1.0, 23),
            (Profile(none, none, none, none, 2, 2, 0.5), 5.0, 3),
        ):
            self.assertEqual(profile.code(now), code)


class Answers(unittest.TestCase):
    def test_the_grammar_says_of_every_answer_what_the_file_says(self):
        said = [(line[0], line[1:]) for line in lines(DATA / "prompt_answers.txt")]
        grammar, number = grammar_of([answer for _, answer in said])
        for well, answer in said:
            is_answer = grammar.is_answer([number[name] for name in answer])
            self.assertEqual(is_answer, well == "yes", " ".join(answer))

    def test_what_the_c_grammar_decodes_is_an_answer_and_broken_it_is_none(self):
        decoded = lines(Path(os.environ["MW_DECODED"]))
        self.assertGreater(len(decoded), 150)
        grammar, number = grammar_of(decoded)
        for answer in decoded:
            tokens = [number[name] for name in answer]
            self.assertTrue(grammar.is_answer(tokens), " ".join(answer))
            for broken in (tokens[:-1], tokens[1:], tokens + tokens[-1:], tokens[::-1]):
                self.assertFalse(grammar.is_answer(broken), " ".join(answer))

    def test_words_are_told_from_references_and_signs(self):
        for word, kind in (
            ("reads", ("plain", 0)), ("+.", ("ender", 0)), ("+,", ("joined", 0)), ("+", ("plain", 0)),
            ("{c2.value}", ("reference", 2)), ("{onset}", ("reference", 0)), ("{c4.value}", ("refused", 0)),
            ("{josa:을/를}", ("josa", 0)), ("7bar", ("refused", 0)), ("", ("refused", 0)),
            ("+{onset}", ("refused", 0)), ("a b", ("refused", 0)),
        ):  # fmt: skip
            self.assertEqual(word_class(word), kind, word)


if __name__ == "__main__":
    unittest.main()
