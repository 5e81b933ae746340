"""Figures of the evaluation, each against a value computed by hand."""
from __future__ import annotations

import json
import unittest
from pathlib import Path

import numpy as np

from model.eval import seeds
from model.eval.baselines import FITS, filled, statistics
from model.eval.detection import centred, smoothed
from model.eval.metrics import (auprc, auroc, best_j, bootstrap, counts, ks_uniform, range_auc_pr,
                                segments, soft_label, vus_pr)  # fmt: skip
from model.eval.nab import first_rows
from model.eval.nab_score import optimised, probation_rows, score_at, weights
from model.eval.truth import BEFORE, Truth, row_of


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


class Ranking(unittest.TestCase):
    def test_auroc_counts_ties_half(self):
        self.assertEqual(auroc(array(1, 2, 2, 3), array(0, 0, 1, 1)), 0.875)
        self.assertEqual(auroc(array(5, 5, 5, 5), array(0, 1, 0, 1)), 0.5)

    def test_auroc_without_one_class_is_no_number(self):
        self.assertTrue(np.isnan(auroc(array(1, 2), array(0, 0))))

    def test_auprc_weights_precision_by_the_recall_it_adds(self):
        # ranked: hit, miss, hit -> 1/2 * 1 + 1/2 * 2/3
        self.assertAlmostEqual(auprc(array(3, 2, 1), array(1, 0, 1)), 5 / 6)
        self.assertAlmostEqual(auprc(array(1, 1, 1, 1), array(1, 0, 0, 0)), 0.25)

    def test_counts_at_a_threshold(self):
        at = counts(array(1, 3, 1, 3, 3), array(0, 0, 1, 1, 1), 2)
        self.assertEqual((at["FAR"], round(at["MAR"], 3)), (50.0, 33.333))
        self.assertAlmostEqual(at["F1"], 2 * 2 / (2 * 2 + 1 + 1))
        self.assertAlmostEqual(at["J"], 100 - 50 - 100 / 3)

    def test_best_j_is_the_largest_of_all_thresholds(self):
        score, label = array(1, 2, 3, 4), array(0, 1, 0, 1)
        largest = max(counts(score, label, t)["J"] for t in (0.5, 1.5, 2.5, 3.5, 4.5))
        self.assertAlmostEqual(best_j(score, label), largest)


class Vus(unittest.TestCase):
    def test_soft_label_falls_off_on_both_sides(self):
        root = np.sqrt(0.5)
        np.testing.assert_allclose(soft_label(array(0, 0, 1, 0, 0), 2), [0, root, 1, root, 0])
        self.assertEqual(segments(array(1, 1, 0, 1)), [(0, 1), (3, 3)])

    def test_area_by_hand(self):
        label = array(0, 0, 1, 0, 0)
        score = array(1, 4, 5, 3, 2)  # recall 1/m, 1, 1 ... with m = (1 + 1 + 2 sqrt .5) / 2
        mass, soft = 1 + np.sqrt(0.5), soft_label(label, 2)
        first, second = 1 / mass, mass / 2
        expected = first * 1 + (1 - first) * second
        self.assertAlmostEqual(range_auc_pr(score, label, soft), expected)

    def test_missed_anomalies_scale_the_recall(self):
        label = array(1, 0, 1, 0)
        # ranked: hit (recall 1/2 of one of two anomalies), miss, hit
        expected = 0.25 * 1 + 0.75 * 2 / 3
        self.assertAlmostEqual(range_auc_pr(array(4, 3, 2, 1), label, label), expected)

    def test_a_constant_score_earns_the_base_rate(self):
        label = array(1, 0, 0, 0)
        self.assertAlmostEqual(range_auc_pr(np.zeros(4), label, label), 0.25)

    def test_perfect_and_random_scores(self):
        label = np.zeros(4000)
        label[1000:1200] = label[3000:3200] = 1
        random = np.random.default_rng(3).normal(size=4000)
        self.assertEqual(vus_pr([label], [label], 0), 1.0)
        self.assertGreater(vus_pr([soft_label(label, 64)], [label], 64), 0.95)
        self.assertLess(vus_pr([random], [label], 64), 0.2)

    def test_a_buffer_does_not_reach_into_the_next_recording(self):
        left, right = array(0, 0, 0, 1), array(0, 0, 0, 0, 0, 1)
        apart = [soft_label(left, 4), soft_label(right, 4)]
        self.assertEqual(apart[1][0], 0)
        self.assertEqual(vus_pr([left, right], [left, right], 0), 1.0)


class Nab(unittest.TestCase):
    rows = 20000
    windows = ((2126, 2692), (3703, 4269), (16057, 16623), (19232, 19798))

    def flagged(self, *at: int) -> np.ndarray:
        out = np.zeros(self.rows, dtype=bool)
        out[list(at)] = True
        return out

    def test_silence_costs_one_per_window(self):
        self.assertEqual(score_at(self.flagged(), self.windows).score, -4.0)

    def test_first_rows_of_all_windows_earn_one_each(self):
        first = self.flagged(*(window[0] for window in self.windows))
        self.assertAlmostEqual(score_at(first, self.windows).score, 4.0)

    def test_late_detections_earn_less_by_the_sigmoid(self):
        first, last = self.windows[0]
        middle = self.flagged((first + last + 1) // 2)
        height = (2 / (1 + np.exp(-2.5)) - 1) / (2 / (1 + np.exp(-5)) - 1)
        self.assertAlmostEqual(score_at(middle, self.windows).score, -3 + height, places=2)

    def test_only_the_best_row_of_a_window_counts(self):
        first, last = self.windows[0]
        self.assertAlmostEqual(score_at(self.flagged(*range(first, last + 1)), self.windows).score,
                               -2.0)  # fmt: skip

    def test_false_alarms_cost_by_their_distance(self):
        self.assertAlmostEqual(score_at(self.flagged(1000, 10000), self.windows).score, -4.22)
        right_after = score_at(self.flagged(self.windows[1][1] + 1), self.windows)
        self.assertLess(right_after.false_cost, 0.001)
        self.assertEqual(right_after.false_rows, 1)

    def test_probation_is_not_scored(self):
        self.assertEqual((probation_rows(22695), probation_rows(1000)), (750, 150))
        self.assertEqual(score_at(self.flagged(0, 749), self.windows).score, -4.0)

    def test_a_window_cuts_the_tail_of_the_one_before(self):
        near = ((10, 19), (22, 31))
        self.assertAlmostEqual(weights(40, near)[22], 1.0)

    def test_the_threshold_is_the_best_one(self):
        score = np.zeros(self.rows)
        for window in self.windows:
            score[window[0]] = 0.9
        score[[10000, 12000]] = 1.0
        best = optimised(score, self.windows)
        self.assertAlmostEqual(best.score, 4 - 0.22)
        self.assertEqual((best.found, best.threshold), (4, 0.9))
        self.assertEqual(optimised(-score, self.windows).score, -4.0)

    def test_an_alarm_that_tells_once(self):
        flagged = self.flagged(100, 101, 105, 500)
        self.assertEqual(list(np.flatnonzero(first_rows(flagged, 10))), [100, 500])


class Calibration(unittest.TestCase):
    def test_ks_of_known_samples(self):
        even = (np.arange(1000) + 0.5) / 1000
        self.assertAlmostEqual(ks_uniform(even)[0], 0.0005)
        distance, excess = ks_uniform(np.r_[np.full(50, 0.001), np.full(50, 0.999)])
        self.assertAlmostEqual(distance, 0.499)
        self.assertAlmostEqual(excess, 0.499)
        self.assertEqual(ks_uniform(np.full(10, 1.0))[1], 0.0)

    def test_bootstrap_brackets_the_mean(self):
        values = np.random.default_rng(0).normal(2, 1, 400)
        interval = bootstrap(400, lambda pick: float(values[pick].mean()))
        self.assertTrue(interval.low < values.mean() < interval.high)
        self.assertAlmostEqual(interval.high - interval.low, 2 * 1.96 / 20, delta=0.04)

    def test_sealed_seeds_are_nobody_elses(self):
        config = json.loads(Path("model/train/config.json").read_text(encoding="utf-8"))
        for first in config["corpus"]["first_seed"].values():
            self.assertTrue(first < 1_000_000 or first >= seeds.END)


class Detectors(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(5)
        driver = np.convolve(rng.normal(size=1040), np.ones(40) / 6, mode="valid")[:1000]
        mix = driver[:, None] * array(1, -2, 0.5, 1.5)
        self.rows = mix + 0.2 * rng.normal(size=(1000, 4))
        self.rows[800:, 2] += 1.5  # breaks the coupling; small beside the driver's own movement

    def test_every_detector_sees_a_gross_fault(self):
        rows = self.rows.copy()
        rows[800:] += 30
        for name, fit in FITS.items():
            value = np.max([centred(smoothed(part, True), 500) for part in
                            statistics(fit, rows, 500)], axis=0)  # fmt: skip
            self.assertGreater(value[820:].min(), np.quantile(value[500:800], 0.99), name)

    def test_joint_models_see_a_broken_coupling(self):
        label = np.r_[np.zeros(800), np.ones(200)][500:]
        for name in ("PCA T2+Q", "CVA"):
            parts = statistics(FITS[name], self.rows, 500)
            value = np.max([centred(smoothed(part, True), 500) for part in parts], axis=0)
            self.assertGreater(auroc(value[500:], label), 0.95, name)

    def test_no_row_knows_what_comes_after_it(self):
        later = self.rows.copy()
        later[700:] = 99
        for name, fit in FITS.items():
            for one, two in zip(statistics(fit, self.rows, 500), statistics(fit, later, 500)):
                np.testing.assert_array_equal(one[:700], two[:700], err_msg=name)

    def test_learn_rows_are_held_out(self):
        rows = self.rows.copy()
        rows[120] = 50  # an outlier: in-sample it would be part of what is normal
        for name in ("PCA T2+Q", "CVA", "robust z, max"):
            held = statistics(FITS[name], rows, 500)[0][120]
            inside = FITS[name](filled(rows), np.arange(500))(filled(rows))[0][120]
            self.assertGreater(held, inside * 1.001, name)

    def test_missing_readings_are_the_last_ones_heard(self):
        nan = np.nan
        np.testing.assert_array_equal(filled(np.array([[nan, 1], [2, nan], [nan, nan]])),
                                      [[2, 1], [2, 1], [2, 1]])  # fmt: skip

    def test_one_channel_is_enough(self):
        for name, fit in FITS.items():
            parts = statistics(fit, self.rows[:, :1], 500)
            self.assertTrue(all(np.isfinite(part).all() for part in parts), name)

    def test_smoothing_holds_the_newest_ended_patch(self):
        value = smoothed(array(1, 1, 1, 1, 3, 3, 3, 3, 9), False)
        np.testing.assert_allclose(value, [1, 1, 1, 1, 1, 1, 1, 1.6, 1.6])


class Truths(unittest.TestCase):
    def setUp(self):
        effect = np.zeros((120, 3))
        effect[80:100, 1] = 4.0
        effect[84:100, 0] = 9.0
        effect[80:100, 2] = 0.6  # under 15 % of the largest
        fault = ["leak" if 80 <= row < 100 else "none" for row in range(120)]
        info = {"injections": [{"fault": "leak", "kind": "process", "causes": ["b", "a"]}]}
        operation = ["idle" if row < 4 else "none" for row in range(120)]
        self.truth = Truth(info, ["a", "b", "c"], fault, operation, effect)

    def test_a_window_names_fault_onset_and_channels_by_cause(self):
        window = self.truth.window(20)  # rows 20 to 83
        self.assertEqual((window.fault, window.onset, window.severity), ("leak", 15, 2))
        window = self.truth.window(24)
        self.assertEqual((window.channels, window.effect, window.severity), (["b", "a"], 9.0, 3))
        self.assertEqual(window.onset, 11)

    def test_an_onset_may_lie_before_the_window(self):
        effect = np.full((120, 3), 2.0)
        effect[:8] = 0
        truth = Truth(self.truth.info, ["a", "b", "c"], ["none"] * 8 + ["leak"] * 112,
                      ["none"] * 120, effect)  # fmt: skip
        self.assertEqual(truth.window(29).onset, BEFORE)
        self.assertEqual(truth.window(16).onset, 1)

    def test_quiet_windows_and_operations(self):
        self.assertIsNone(self.truth.window(19))
        self.assertTrue(self.truth.operates[15])
        self.assertFalse(self.truth.operates[16])
        self.assertEqual(self.truth.now_effect[20], 4.0)
        self.assertEqual(self.truth.now_effect[27], 0.0)
        self.assertEqual(self.truth.window_effect[27], 9.0)

    def test_rows_from_times(self):
        self.assertEqual(row_of("1970-01-02T10:00:00.000Z", 180.0), 680)


if __name__ == "__main__":
    unittest.main()
