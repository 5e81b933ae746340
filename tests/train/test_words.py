"""The phrasings of model/train/phrases/: what they are made of, and that texts drawn from them say
nothing that the finding does not support."""
from __future__ import annotations

import os
import unittest
from collections import Counter
from pathlib import Path

import numpy as np

from model.train.answers import TailWriter, Weights, finding_of
from model.train.claims import (
    CHANNEL_CLAIMS, EVENT_CLAIMS, OF_COMPANY, bits_of, is_told, names_of, parse_claim,
)  # fmt: skip
from model.train.layout import FAULT, NORMAL, ONSET_BEFORE, ONSET_NONE, OPERATION, UNKNOWN, read_layout
from model.train.phrasing import PageError, draw, read_frame, words_in, worth_of
from model.train.prompt import FOLLOWS, REFERENCE, word_class
from model.train.sample_words import Library, Rendering, random_finding, skeleton, variety
from model.train.words import (
    LANGUAGES, MAX_WORDS, Finding, Wording, as_unknown, holds, is_short_enough, page, split, vocabulary,
)  # fmt: skip

LAYOUT = read_layout(Path(os.environ["MW_DESCRIBE"]))
WORDING = Wording(LAYOUT)
DRAWS = 1500
MOST_WORDS = 1600
COMMONEST = 0.03  # share of texts that one skeleton may have

# What no word outside of a claim may say: how a channel or the others behave, and in what order.
FORBIDDEN = {
    "en": """above below over under high higher low lower rise rises rising risen rose fall falls falling fallen
        fell climb climbed climbing increase increased decrease decreased drop dropped down growing
        grows widening worse larger smaller slightly strongly suddenly sudden abrupt gradually gradual
        slowly slow fast quickly drift drifts drifting jump jumps spike spikes still frozen stuck
        constant steady missing gaps noisy noise scatter jitter quiet calm swing swings oscillates
        limit exceeds back recovered returned before after later earlier then meanwhile simultaneously
        together others channel channels same""",
    "ko": """높 낮 상승 하락 올라 올랐 오르 떨어 증가 감소 급격 갑자기 서서히 천천히 점점 계속 꾸준 멈 고정 고착 끊
        누락 결측 튀 튐 스파이크 흔들 잡음 산포 출렁 진동하 상한 하한 초과 미만 한계를 복귀 회복 돌아 뒤이어 이어서
        동시 앞서 이후 뒤따라 함께 다른 나머지 채널 약간 조금 크게 상당히""",
}
# The conclusion speaks of what to do: "first", "at once"; of operation; of an instrument to compare with.
DESCRIBING = ("opening", "company", "short")


def frames(language: str, *kinds: str):
    for section, found in page(language).sections.items():
        if section.split()[0] in kinds:
            yield from ((section, frame) for frame in found)


def literals(frame) -> list[str]:
    return [word.removeprefix("+").lower() for word in words_in(frame) if word[0] != "{"]


class Frames(unittest.TestCase):
    def read(self, text: str, has=lambda word: True, **named: str) -> set[str]:
        """Every text that a frame can be, by drawing."""
        frame, rng = read_frame(text, named), np.random.default_rng(1)
        if not worth_of(frame, has, lambda word: 1.0):
            return set()
        return {" ".join(draw(frame, has, lambda word: 1.0, rng)) for _ in range(200)}

    def test_signs_and_what_joins_a_reference_become_words_of_their_own(self):
        self.assertEqual(self.read("a {c1.now}, b: c"), {"a {c1.now} +, b +: c"})
        self.assertEqual(self.read("{c1.name}{은/는} {onset}부터"), {"{c1.name} {josa:은/는} {onset} +부터"})
        self.assertEqual(self.read("x{c1.back|, but it is back}"), {"x {c1.back|+,_but_it_is_back}"})

    def test_alternatives_are_drawn_one_at_a_time(self):
        self.assertEqual(self.read("[a / b c] d"), {"a d", "b c d"})
        self.assertEqual(self.read("a [~ / b] d"), {"a d", "a b d"})
        self.assertEqual(self.read("{c1.rose|went up / rose}"), {"{c1.rose|went_up}", "{c1.rose|rose}"})
        self.assertEqual(self.read("<x> <x>", x="a / b"), {"a a", "a b", "b a", "b b"})

    def test_what_does_not_hold_is_not_drawn(self):
        has = lambda word: "fell" not in word and "onset" not in word  # noqa: E731
        self.assertEqual(self.read("it [{c1.rose|rose} / {c1.fell|fell}]", has), {"it {c1.rose|rose}"})
        self.assertEqual(self.read("it {c1.fell|fell}", has), set())
        self.assertEqual(self.read("a [since {onset} /]", has), {"a"})
        self.assertEqual(self.read("a [since {onset} /]"), {"a since {onset}"})

    def test_a_frame_that_is_not_well_written_is_refused(self):
        for text in ("a [b", "a {c1.now", "a{c1.now}", "a / b", "[a / / b]", "a <nothing>", "", "a]"):
            with self.subTest(text), self.assertRaises(PageError):
                read_frame(text)


class Claims(unittest.TestCase):
    def test_claims_are_told_from_other_words(self):
        for word, channel, name, reads, joins in (
            ("{c1.rose|climbed}", 1, "rose", "climbed", False), ("{c3.with|in_step}", 3, "with", "in step", False),
            ("{c2.fell|+까지_떨어졌습니다}", 2, "fell", "까지 떨어졌습니다", True),
            ("{others.steady|nothing_else_moved}", 0, "steady", "nothing else moved", False),
        ):  # fmt: skip
            claim = parse_claim(word)
            self.assertEqual((claim.channel, claim.name, claim.reads, claim.joins), (channel, name, reads, joins))
        for word in (
            "{c1.rose}", "{c1.rose|}", "{c1.rose|+}", "{c4.rose|rose}", "{c1.after|later}", "{c1.up|rose}",
            "{c1.rose|by_5}", "{c1.rose|a b}", "{others.rose|x}", "rose", "{c1.rose|a|b}",
        ):  # fmt: skip
            self.assertIsNone(parse_claim(word), word)

    def test_bits_are_in_the_order_of_the_contract(self):
        self.assertEqual(names_of(0b101, CHANNEL_CLAIMS), {"above", "rose"})
        self.assertEqual(bits_of(("with",), CHANNEL_CLAIMS), 1 << 20)
        self.assertEqual(bits_of(("off", "steady"), EVENT_CLAIMS), 3)

    def test_every_claim_has_several_wordings_in_both_languages(self):
        for language in LANGUAGES:
            said = Counter()
            for word in dict.fromkeys(page(language).words()):
                claim = parse_claim(word)
                if claim:
                    said[claim.channel, claim.name] += 1
            for name in set(CHANNEL_CLAIMS) - set(OF_COMPANY):
                self.assertGreaterEqual(said[1, name], 3, f"{language} {name}")
            for name in ("above", "below", "rose", "fell", "still", "lost", "noisy", "swings", *OF_COMPANY):
                self.assertGreaterEqual(said[2, name], 2, f"{language} c2 {name}")
            for name in EVENT_CLAIMS:
                self.assertGreaterEqual(said[0, name], 3, f"{language} {name}")


class Pages(unittest.TestCase):
    def test_every_word_is_one_that_the_grammar_knows(self):
        for word in vocabulary():
            self.assertEqual(word_class(word)[0] == "refused", is_told(word), word)
            if word[0] == "{" and not is_told(word):
                self.assertTrue(REFERENCE.fullmatch(word) or parse_claim(word), word)
        self.assertLessEqual(len(vocabulary()), MOST_WORDS)
        self.assertEqual(len(set(vocabulary())), len(vocabulary()))

    def test_words_without_a_claim_are_neutral(self):
        english = set(FORBIDDEN["en"].split())
        for section, frame in frames("en", *DESCRIBING, "others"):
            self.assertFalse(english & set(literals(frame)), f"{section}: {literals(frame)}")
        for section, frame in frames("ko", *DESCRIBING, "others"):
            for word in literals(frame):
                for part in FORBIDDEN["ko"].split():
                    self.assertNotIn(part, word, f"{section}: {word}")

    def test_conclusions_say_nothing_of_other_channels_without_a_claim(self):
        for section, frame in frames("en", "naming", "check", "look", "urgent", "normal"):
            self.assertFalse({"other", "others", "channel", "channels", "else"} & set(literals(frame)) -
                             ({"else"} if section == "check" else set()), section)
        for _, frame in frames("ko", "naming", "check", "urgent", "normal"):
            for word in literals(frame):
                self.assertFalse(any(part in word for part in ("채널", "나머지")), word)

    def test_both_languages_have_the_same_sections_and_enough_in_each(self):
        self.assertEqual(*(list(page(language).sections) for language in LANGUAGES))
        for language in LANGUAGES:
            count = Counter()
            for section, found in page(language).sections.items():
                count[section.split()[0]] += len(found) if section in ("opening", "check") else 0
                count[section.split()[0] + "s"] += len(found)
            self.assertGreaterEqual(count["opening"], 40)
            self.assertGreaterEqual(count["companys"], 25)
            self.assertGreaterEqual(count["namings"], 25)
            self.assertGreaterEqual(count["checks"], 20)

    def test_every_fault_with_an_opening_of_its_own_is_a_fault(self):
        for section in page("en").sections:
            kind, _, code = section.partition(" ")
            if kind == "opening" and code not in ("", "none"):
                self.assertIn(LAYOUT.fault_kinds[LAYOUT.faults.index(code)], ("sensor", "process"))


def supported(word: str, finding: Finding) -> bool:
    """What `holds` should say, by itself: straight from the contract."""
    if word[0] != "{" or word.startswith("{josa"):
        return True
    claim = parse_claim(word)
    if claim and claim.channel == 0:
        return claim.name in finding.event_claims
    if claim:
        return claim.channel <= finding.n_channels and claim.name in finding.claims[claim.channel - 1]
    if word in ("{onset}", "{duration}"):
        return finding.onset <= ONSET_BEFORE
    if word == "{fault}":
        return finding.verdict in (FAULT, OPERATION)
    if word in ("{cause}", "{check}"):
        return finding.verdict != NORMAL
    channel, field = int(word[2]), word[4:-1]
    if channel > finding.n_channels:
        return False
    claims = finding.claims[channel - 1]
    needs = {"from": {"rose", "fell"}, "limit": {"over_limit", "under_limit"}, "dir": {"above", "below"}}
    return bool(claims & needs[field]) if field in needs else True


class Texts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.said = {}
        for language in LANGUAGES:
            rng = np.random.default_rng(7)
            findings = [random_finding(LAYOUT, rng) for _ in range(DRAWS)]
            cls.said[language] = [(f, WORDING.text(f, language, rng).split()) for f in findings]

    def test_texts_cite_and_claim_only_what_holds(self):
        claims = Counter()
        for said in self.said.values():
            for finding, words in said:
                for word in words:
                    self.assertTrue(supported(word, finding), f"{word} of {finding}")
                    claim = parse_claim(word)
                    claims.update([claim.name] if claim else [])
        self.assertEqual(set(claims), {*CHANNEL_CLAIMS, *EVENT_CLAIMS})

    def test_texts_are_what_the_grammar_of_answers_takes(self):
        for said in self.said.values():
            for _, words in said:
                before = "start"
                for word in words:
                    kind = word_class(word)[0]
                    self.assertIn(kind, FOLLOWS[before], " ".join(words))
                    before = kind
                self.assertIn("eos", FOLLOWS[before], " ".join(words))

    def test_texts_are_of_one_to_three_sentences(self):
        for said in self.said.values():
            for _, words in said:
                self.assertLessEqual(len(words), MAX_WORDS)
                self.assertTrue(is_short_enough(words), " ".join(words))
                self.assertGreaterEqual(len(split(words)), 1)

    def test_what_is_telling_is_mostly_told(self):
        for language, said in self.said.items():
            for name in ("still", "lost", "spikes", "noisy", "swings"):
                fit = [words for f, words in said if f.n_channels and name in f.claims[0]]
                told = [any(w.startswith(f"{{c1.{name}|") for w in words) for words in fit]
                self.assertGreater(np.mean(told), 0.6, f"{language} {name}")

    def test_no_text_is_common_and_no_first_sentence(self):
        for language, said in self.said.items():
            figures = variety([words for _, words in said])
            print(language, {name: round(value, 4) for name, value in figures.items()})
            self.assertLess(figures["commonest skeleton"], COMMONEST)
            self.assertLess(figures["commonest first sentence"], COMMONEST)
            self.assertGreater(figures["different pairs of words"], 1200)

    def test_every_frame_is_used(self):
        for language, said in self.said.items():
            used = {word for _, words in said for word in words}
            unused = set(page(language).words()) - used
            self.assertLess(len(unused), 0.12 * len(set(page(language).words())), sorted(unused)[:40])

    def test_an_operation_is_no_fault_and_something_unknown_gets_no_name(self):
        not_a_fault = {
            "en": ("fault", "action", "nothing needs"), "ko": ("고장", "조치", "정상적인", "이상이 아니라"),
        }  # fmt: skip
        for language, said in self.said.items():
            for finding, words in said:
                text = " ".join(words)
                if finding.verdict == UNKNOWN:
                    self.assertNotIn("{fault}", words)
                elif finding.verdict == OPERATION:
                    self.assertTrue(any(part in text for part in not_a_fault[language]), text)
                else:
                    self.assertIn("{fault}", words, text)

    def test_a_fault_that_only_one_sensor_shows_is_doubted_by_the_others(self):
        finding = Finding(
            FAULT, LAYOUT.faults.index("stuck"), 2, 1, 5, (frozenset({"still", "slight"}),), frozenset({"steady"})
        )
        for language in LANGUAGES:
            rng = np.random.default_rng(2)
            texts = [WORDING.text(finding, language, rng) for _ in range(300)]
            self.assertGreater(np.mean(["{others.steady|" in text for text in texts]), 0.4)

    def test_an_onset_is_told_only_where_there_is_one(self):
        fault = LAYOUT.faults.index("leak")
        for language in LANGUAGES:
            rng = np.random.default_rng(4)
            for onset, told in ((ONSET_NONE, False), (ONSET_BEFORE, True), (6, True)):
                finding = Finding(FAULT, fault, 1, 1, onset, (frozenset({"above", "rose"}),))
                texts = [WORDING.text(finding, language, rng) for _ in range(80)]
                share = np.mean(["{onset}" in text or "{duration}" in text for text in texts])
                self.assertTrue(share > 0.75 if told else share == 0, f"{language} {onset} {share}")
                if onset != 6:
                    self.assertFalse(any("{c1.from}" in text for text in texts))

    def test_a_text_is_drawn_again_from_the_same_seed(self):
        finding = random_finding(LAYOUT, np.random.default_rng(3))
        first, second = (WORDING.text(finding, "ko", np.random.default_rng(5)) for _ in range(2))
        self.assertEqual(first, second)

    def test_texts_read_well_once_they_are_rendered(self):
        library = Library(Path("schemas/faults.cfg"))
        for language, said in self.said.items():
            for finding, words in said[:400]:
                code = LAYOUT.faults[finding.fault]
                text = Rendering(library, code, language, np.random.default_rng(1)).text(words, finding)
                for part in ("{", "}", "|", "_ ", "  ", " ,", " .", "..", ",.", " :", ";."):
                    self.assertNotIn(part, text)
                self.assertTrue(text.endswith("."), text)
                for dangling in ("며.", "고.", "는.", "가.", "을.", "를.", "에.", "으로.", "라.", "하여.", "어."):
                    self.assertFalse(language == "ko" and dangling in text.replace("여부", ""), text)


class Unknowns(unittest.TestCase):
    def window(self) -> dict[str, np.ndarray]:
        return {
            "verdict": np.array([FAULT]), "fault": np.array([LAYOUT.faults.index("leak")]),
            "severity": np.array([2]), "onset": np.array([6]), "channels": np.array([[2, 1, 255, 255]]),
            "claims": np.array([[bits_of(("below", "fell"), CHANNEL_CLAIMS), 1, 0, 0]], np.uint32),
            "event_claims": np.array([2], np.uint8), "claims_known": np.array([True]),
        }  # fmt: skip

    def test_a_window_says_what_holds_of_each_named_channel(self):
        finding = finding_of(self.window(), 0)
        self.assertEqual(finding.claims, (frozenset({"below", "fell"}), frozenset({"above"})))
        self.assertEqual(finding.event_claims, {"off"})

    def test_a_fault_worded_as_unknown_teaches_no_verdict_and_no_name(self):
        weights = Weights(1.0, 1.0, 0.3, 0.5, 0.5, 0.15)
        writer = TailWriter(LAYOUT, WORDING, weights, unknown_words=1.0)
        tokens, counts = writer.worded(self.window(), 0, "en", np.random.default_rng(1))
        table, unknown = LAYOUT.table, LAYOUT.faults.index("unknown")
        self.assertEqual(tokens[:2], [table("verdict") + UNKNOWN, table("fault") + unknown])
        self.assertEqual(counts[:3], [0.0, 0.0, 0.3])
        named = WORDING.token["{fault}"]
        self.assertNotIn(named, tokens)
        plain = TailWriter(LAYOUT, WORDING, weights)
        tokens, counts = plain.worded(self.window(), 0, "en", np.random.default_rng(1))
        self.assertEqual((tokens[0], counts[0]), (table("verdict") + FAULT, 1.0))
        self.assertIn(named, tokens)

    def test_the_model_is_told_what_may_be_claimed_and_not_taught_it(self):
        writer = TailWriter(LAYOUT, WORDING, Weights(1.0, 1.0, 0.3, 0.5, 0.5, 0.15))
        tokens, counts = writer.worded(self.window(), 0, "ko", np.random.default_rng(1))
        told = [WORDING.token[word] for word in
                ("{c1.below}", "{c1.fell}", "{c2.above}", "{others.off}")]  # fmt: skip
        answer = 3 + 2 + 1 + 1
        self.assertEqual(tokens[answer : answer + 4], told)
        self.assertEqual(counts[answer : answer + 5], [0.0] * 4 + [0.15])
        self.assertFalse(set(told) & set(tokens[answer + 4 :]))
        self.assertEqual(WORDING.told(Finding(NORMAL, 0, 1, 0, ONSET_NONE)), [])

    def test_the_same_finding_without_a_name_keeps_what_was_seen(self):
        finding = finding_of(self.window(), 0)
        unknown = as_unknown(finding, LAYOUT)
        self.assertEqual((unknown.claims, unknown.onset), (finding.claims, finding.onset))
        self.assertFalse(holds(unknown, "{fault}"))


class Figures(unittest.TestCase):
    def test_a_skeleton_leaves_out_what_is_cited(self):
        self.assertEqual(skeleton(["{c1.name}", "{c1.rose|rose}", "+."]), "{} {c1.rose|rose} +.")

    def test_variety_counts_pairs_and_the_commonest(self):
        texts = [["a", "b", "+."], ["a", "b", "+."], ["c", "b", "+."], ["{c1.now}", "b", "+."]]
        figures = variety(texts)
        self.assertEqual(figures["commonest skeleton"], 0.5)
        self.assertEqual(figures["distinct-2"], 4 / 8)


if __name__ == "__main__":
    unittest.main()
