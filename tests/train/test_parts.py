"""Parts of the trainer, each against an independent truth."""
from __future__ import annotations

import os
import struct
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import fixture
from model.train.answers import IGNORE, TailWriter, Weights, check_labels
from model.train.augment import drop_features, jitter_bins
from model.train.evaluate import auroc
from model.train.fused import fused_forward
from model.train.gguf import HASH_KEY, read_gguf, write_gguf
from model.train.layout import NONE_CODE, read_layout
from model.train.model import Millwright, Shape
from model.train.quant import dequantise_q8_0, fake_weight, quantise_q8_0
from model.train.shards import NO_CHANNEL, batches, cut_rows, merge, read_shard
from model.train.words import Wording

LAYOUT = read_layout(Path(os.environ["MW_DESCRIBE"]))
GOLDEN = Path("tests/data/golden_lm.gguf")


def naive_logits(tensors, meta, codes, tail):
    """The model position by position in float64, straight from schemas/prompt.md."""
    get = lambda key: meta["millwright." + key]  # noqa: E731
    rows, length, _ = codes.shape
    heads, groups = get("attention.head_count"), get("attention.head_count_kv")
    size = get("attention.key_length")
    where = [(r, p) for r in range(rows) for p in range(length)]
    where += [(rows, p) for p in range(len(tail))]
    angle = [p + (0 if r == 0 else length if r < rows else 2 * length) for r, p in where]
    sees = lambda a, b: b <= a and (  # noqa: E731
        where[a][0] == rows or where[b][0] in (0, where[a][0])
    )
    table = tensors["token_embd.weight"].astype(np.float64)
    flat = np.concatenate((codes.reshape(-1, codes.shape[2]), tail))
    x = np.array([table[[c for c in position if c != NONE_CODE]].sum(0) for position in flat])

    def norm(v, weight):
        square = (v**2).mean(-1, keepdims=True) + get("attention.layer_norm_rms_epsilon")
        return v / np.sqrt(square) * weight

    def turned(v):
        out = v.copy()
        for i in range(size // 2):
            f = np.array(angle) * get("rope.freq_base") ** (-2 * i / size)
            out[:, i] = v[:, i] * np.cos(f) - v[:, i + size // 2] * np.sin(f)
            out[:, i + size // 2] = v[:, i] * np.sin(f) + v[:, i + size // 2] * np.cos(f)
        return out

    mask = np.array([[sees(a, b) for b in range(len(where))] for a in range(len(where))])
    for n in range(get("block_count")):
        w = lambda name: tensors[f"blk.{n}.{name}.weight"].astype(np.float64)  # noqa: E731,B023
        y = norm(x, w("attn_norm"))
        q, k, v = (y @ w(name).T for name in ("attn_q", "attn_k", "attn_v"))
        mixed = np.zeros_like(q)
        for h in range(heads):
            own, shared = slice(h * size, (h + 1) * size), h // (heads // groups)
            kv = slice(shared * size, (shared + 1) * size)
            score = turned(q[:, own]) @ turned(k[:, kv]).T / np.sqrt(size)
            score = np.where(mask, score, -np.inf)
            p = np.exp(score - score.max(1, keepdims=True))
            mixed[:, own] = p / p.sum(1, keepdims=True) @ v[:, kv]
        x = x + mixed @ w("attn_output").T
        y = norm(x, w("ffn_norm"))
        gate = y @ w("ffn_gate").T
        x = x + (gate / (1 + np.exp(-gate)) * (y @ w("ffn_up").T)) @ w("ffn_down").T
    x = norm(x, tensors["output_norm.weight"])
    patches = x[: rows * length].reshape(rows, length, -1)[:, get("prompt.first_patch") :]
    part = lambda name, what: tensors[f"patch_head.{name}.{what}"]  # noqa: E731
    head = lambda name, v: v @ part(name, "weight") + part(name, "bias")  # noqa: E731
    answer = np.concatenate((head("asset", patches[:1]), head("channel", patches[1:])))
    return answer, x[rows * length :] @ table.T


class Golden(unittest.TestCase):
    def test_golden_file_is_what_the_contract_says(self):
        raw = GOLDEN.with_suffix(".bin").read_bytes()
        magic, rows, length, slots, n_tail, vocab = struct.unpack("<4s5I", raw[:24])
        self.assertEqual(magic, b"MWG1")
        code = np.frombuffer(raw, "<u2", (rows * length + n_tail) * slots, 24)
        value = np.frombuffer(raw, "<f4", offset=24 + code.nbytes)
        codes = code[: rows * length * slots].reshape(rows, length, slots)
        tail = code[rows * length * slots :].reshape(n_tail, slots)
        meta, tensors = read_gguf(GOLDEN)
        patches, logits = naive_logits(tensors, meta, codes, tail)
        np.testing.assert_allclose(value[: rows * 16].reshape(rows, 16), patches, atol=2e-4)
        np.testing.assert_allclose(value[rows * 16 :].reshape(n_tail, vocab), logits, atol=2e-4)


def random_batch(rows=4, windows=5, tail=7):
    rng = np.random.default_rng(1)
    size = (windows, rows, LAYOUT.row_length, LAYOUT.slots)
    codes = rng.integers(0, 1100, size).astype(np.uint16)
    codes[rng.random(codes.shape) < 0.3] = NONE_CODE
    answer = np.full((windows, tail, LAYOUT.slots), NONE_CODE, np.uint16)
    answer[:, :, 0] = rng.integers(1100, 1400, (windows, tail))
    return codes, answer


class Fused(unittest.TestCase):
    def gradients(self, model, forward, bits):
        model.zero_grad()
        out = forward(*bits)
        loss = (out.asset * torch.arange(16)).sum() + out.channel.square().sum()
        (loss + (out.tail * torch.linspace(-1, 1, model.shape.width)).sum()).backward()
        return out, {name: p.grad.clone() for name, p in model.named_parameters()}

    def compare(self, quantised, bound, **changes):
        torch.manual_seed(2)
        size = {"width": 64, "layers": 2, "heads": 4, "kv_heads": 2, "ffn": 96}
        model = Millwright(Shape(vocab=1400, **size, **changes))
        model.quantised.on = quantised
        arrays = random_batch()
        wide = [torch.from_numpy(a.astype(np.int64)) for a in arrays]
        bits = [torch.from_numpy(a.view(np.int16)) for a in arrays]
        out, truth = self.gradients(model, model, wide)
        fast, found = self.gradients(model, lambda *b: fused_forward(model, *b), bits)
        for a, b in list(zip(out, fast)) + [(truth[name], found[name]) for name in truth]:
            self.assertLess(float((a - b).norm() / a.norm()), bound)

    def test_kernels_agree_with_plain_pytorch(self):
        self.compare(quantised=False, bound=0.03)

    def test_kernels_agree_when_int8_is_imitated(self):
        self.compare(quantised=True, bound=0.08)

    def test_kernels_agree_without_the_prefix(self):
        self.compare(quantised=False, bound=0.03, asset_prefix=False)


class Files(unittest.TestCase):
    def test_gguf_returns_what_was_written(self):
        tensor = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)
        metadata = {"string": "가", "number": 7, "float": 0.5, "flag": True, "list": ["x", "{y}"]}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.gguf"
            write_gguf(path, metadata, {"w": tensor, "b": tensor[0]}, {"w"})
            found, tensors = read_gguf(path)
        self.assertGreater(found.pop(HASH_KEY), 0)
        self.assertEqual(found, metadata)
        np.testing.assert_array_equal(tensors["b"], tensor[0])
        np.testing.assert_array_equal(tensors["w"], dequantise_q8_0(*quantise_q8_0(tensor)))

    def test_imitated_int8_is_what_the_file_holds(self):
        tensor = np.random.default_rng(5).normal(size=(4, 96)).astype(np.float32)
        stored = dequantise_q8_0(*quantise_q8_0(tensor))
        np.testing.assert_allclose(fake_weight(torch.from_numpy(tensor)).numpy(), stored, rtol=1e-6)

    def test_shard_is_read_once_per_pass_and_checked(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train-1.mwc"
            fixture.make_shard(path, LAYOUT, 40, seed=1)
            groups = read_shard(path)
            for group in groups:
                check_labels(group, LAYOUT)
            parts = list(batches(groups, 1000, np.random.default_rng(0)))
            self.assertEqual(sum(map(len, parts)), sum(map(len, groups)))
            groups[0].data["fault"] = groups[0].data["fault"] + np.uint8(200)
            self.assertRaises(ValueError, check_labels, groups[0], LAYOUT)

    def test_shard_of_an_earlier_version_is_read_without_claims(self):
        group = fixture.make_group(LAYOUT, 3, 20, np.random.default_rng(2))
        with tempfile.TemporaryDirectory() as folder:
            found = {}
            for version in (2, 3):
                path = Path(folder) / f"train-{version}.mwc"
                fixture.write_shard(path, [group], 1, version)
                (found[version],) = read_shard(path)
            both = merge(found.values())[3]
        np.testing.assert_array_equal(found[3].data["claims"], group.data["claims"])
        np.testing.assert_array_equal(found[3].data["event_claims"], group.data["event_claims"])
        np.testing.assert_array_equal(found[2].data["series"], found[3].data["series"])
        self.assertFalse(found[2].data["claims"].any() or found[2].data["claims_known"].any())
        self.assertEqual(both.data["claims_known"].tolist(), [False] * 20 + [True] * 20)
        tail = TailWriter(LAYOUT, Wording(LAYOUT), Weights(1, 1, 1, 1, 1, 1)).tail(both, True, np.random.default_rng(3))
        said = (tail.target >= LAYOUT.n_codes).any(1)
        self.assertEqual(said.tolist(), both.data["claims_known"].tolist())

    def test_rows_that_are_kept_are_the_named_ones_with_their_codes(self):
        group = fixture.make_group(LAYOUT, 7, 60, np.random.default_rng(2))
        cut = cut_rows(group, 2, np.random.default_rng(3))
        self.assertEqual((cut.rows, cut.data["code"].shape[1], cut.data["patch"].shape[1]), (3, 3, 3))
        rows = cut.data["code"][:, :, 0, 7].astype(int) - LAYOUT.table("row")
        self.assertTrue((rows[:, 0] == 0).all() and (np.diff(rows, axis=1) > 0).all())
        for window, kept in enumerate(rows):
            named = group.data["channels"][window, 0]
            self.assertTrue(named == NO_CHANNEL or named in kept)
            for place, row in enumerate(kept):
                for name in ("code", "patch"):
                    kept_row, whole = cut.data[name][window, place], group.data[name][window, row]
                    np.testing.assert_array_equal(kept_row, whole)
        self.assertGreater(len(set(rows[:, 1:].ravel().tolist())), 4)
        self.assertIs(cut_rows(group, 6, np.random.default_rng(3)), group)

    def test_words_alone_count_nothing_else(self):
        group = fixture.make_group(LAYOUT, 3, 20, np.random.default_rng(2))
        writer = TailWriter(LAYOUT, Wording(LAYOUT), Weights(1, 1, 1, 1, 1, 0.5))
        tail = writer.tail(group, True, np.random.default_rng(3), alone=True)
        words = tail.target >= LAYOUT.n_codes
        self.assertEqual(set(tail.weight[(tail.target != IGNORE) & ~words].tolist()), {0.0, 0.5})  # <eos>
        self.assertTrue((tail.weight[(tail.target != IGNORE) & (tail.target < LAYOUT.table("eos"))] == 0).all())

    def test_shard_that_is_cut_off_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train-1.mwc"
            fixture.make_shard(path, LAYOUT, 40, seed=1)
            path.write_bytes(path.read_bytes()[:-1000])
            self.assertRaises(ValueError, read_shard, path)


class Labels(unittest.TestCase):
    def test_tail_teaches_the_grammar_in_order(self):
        wording = Wording(LAYOUT)
        writer = TailWriter(LAYOUT, wording, Weights(1, 1, 1, 1, 1, 0.5))
        group = fixture.make_group(LAYOUT, 3, 20, np.random.default_rng(2))
        tail = writer.tail(group, True, np.random.default_rng(3))
        table = LAYOUT.table
        for i in range(len(group)):
            target = tail.target[i][tail.target[i] != IGNORE]
            self.assertEqual(target[0], table("verdict") + group.data["verdict"][i])
            self.assertEqual(target[1], table("fault") + group.data["fault"][i])
            self.assertEqual(target[-1], table("eos"))
            self.assertEqual(tail.codes[i, 1, 0], target[0])
            self.assertTrue((target[:-1] != table("eos")).all())

    def test_augmentation_keeps_codes_in_their_tables(self):
        codes = fixture.make_group(LAYOUT, 3, 50, np.random.default_rng(2)).data["code"]
        rng = np.random.default_rng(4)
        moved = jitter_bins(codes.copy(), LAYOUT, 0.5, rng)
        self.assertTrue((moved != codes).any())
        self.assertTrue((moved // 32 == codes // 32).all())
        dropped = drop_features(codes, LAYOUT, 1.0, rng)
        gone = (dropped == NONE_CODE) & (codes != NONE_CODE)
        self.assertTrue(gone.any(axis=(1, 2, 3)).all())
        self.assertTrue((dropped[~gone] == codes[~gone]).all())

    def test_noise_treats_symptoms_as_features_and_leaves_what_is_known(self):
        first, size = LAYOUT.table("symptom"), LAYOUT.size("symptom")
        symptoms = np.arange(first, first + size, dtype=np.uint16)
        known = np.setdiff1d(np.arange(LAYOUT.table("row"), LAYOUT.n_codes), symptoms)
        codes = np.tile(np.append(symptoms, known).astype(np.uint16), (50, 1))
        moved = jitter_bins(codes.copy(), LAYOUT, 0.5, np.random.default_rng(5)).astype(int)
        self.assertTrue((moved[:, :size] != codes[:, :size]).any())
        self.assertTrue(((moved[:, :size] - first) // 32 == (codes[:, :size] - first) // 32).all())
        self.assertTrue((moved[:, size:] == codes[:, size:]).all())
        gone = drop_features(codes, LAYOUT, 1.0, np.random.default_rng(6)) == NONE_CODE
        self.assertTrue((gone[:, :size].sum(1) == 32).all())
        self.assertFalse(gone[:, size:].any())

    def test_auroc_counts_ties_half(self):
        score, positive = np.array([1.0, 2, 2, 3]), np.array([False, False, True, True])
        self.assertEqual(auroc(score, positive), 0.875)


if __name__ == "__main__":
    unittest.main()
