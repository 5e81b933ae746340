"""A model file or a run goes on with a newer layout of codes, and answers as before."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from model.train.export import load_exported, words_of
from model.train.gguf import read_gguf
from model.train.layout import NONE_CODE, Layout, read_layout
from model.train.migrate import migrate
from model.train.setup import DEFAULT_CONFIG, read_setup
from model.train.start import begin

DESCRIBE = Path(os.environ["MW_DESCRIBE"])
GOLDEN = Path("tests/data/golden_lm.gguf")
FRESH = ("<patch.novel:0>", "<patch.novel:1>", "<brand:new>")


def golden() -> tuple[dict, Layout]:
    """The golden file's metadata and the layout that it was made with."""
    metadata, _ = read_gguf(GOLDEN)
    n_codes = len(metadata["tokenizer.ggml.tokens"]) - len(words_of(metadata))
    names = tuple(metadata["tokenizer.ggml.tokens"][:n_codes])
    geometry = {
        key: metadata[f"millwright.prompt.{key}"]
        for key in ("version", "slots", "row_length", "first_patch", "max_channels")
    }
    return metadata, replace(read_layout(DESCRIBE), names=names, **geometry)


def widened(layout: Layout) -> Layout:
    """The next version: new codes in the midst, two old ones in another order, one gone."""
    names = list(layout.names)
    names[3], names[4] = names[4], names[3]
    names.remove("<patch.level:7>")
    names[224:224] = FRESH[:2]
    return replace(layout, version=layout.version + 1, names=(*names, FRESH[2]))


def answers(model: Millwright, codes: np.ndarray, tail: np.ndarray) -> list[torch.Tensor]:
    batch = lambda array: torch.from_numpy(array.astype(np.int64))[None]  # noqa: E731
    with torch.no_grad():
        out = model(batch(codes), batch(tail))
        return [out.asset, out.channel, model.logits(out.tail)]


class Migration(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = Path(self.folder.name) / "new.gguf"
        self.metadata, self.layout = golden()

    def test_the_same_layout_gives_the_same_model(self):
        self.assertEqual(migrate(GOLDEN, self.file, self.layout), ([], []))
        (meta, tensors), (_, before) = read_gguf(self.file), read_gguf(GOLDEN)
        self.assertEqual(meta, self.metadata)
        self.assertEqual(list(tensors), list(before))
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(tensor, before[name])

    def test_moved_codes_answer_as_before_and_new_ones_add_nothing(self):
        layout = widened(self.layout)
        fresh, gone = migrate(GOLDEN, self.file, layout)
        self.assertEqual((fresh, gone), (list(FRESH), ["<patch.level:7>"]))
        (old, before), (new, names) = load_exported(GOLDEN), load_exported(self.file)
        self.assertEqual(names, list(layout.names) + words_of(self.metadata))
        move = np.full(NONE_CODE + 1, NONE_CODE)  # the old code's place now; none stays none
        move[: len(before)] = [names.index(n) if n in names else NONE_CODE for n in before]
        codes = np.random.default_rng(8).integers(0, 900, (4, layout.row_length, layout.slots))
        codes[codes == before.index("<patch.level:7>")] = 0
        codes[:, :, 9] = NONE_CODE
        tail = np.full((3, layout.slots), NONE_CODE)
        tail[:, 0] = before.index("<ask>"), before.index("<verdict:fault>"), before.index("<eos>")
        moved, moved_tail = move[codes], move[tail]
        kept = [i for i, name in enumerate(before) if name in names]
        for with_new in (False, True):
            if with_new:
                moved[:, 4:, 9] = names.index(FRESH[0])
            a, b = answers(old, codes, tail), answers(new, moved, moved_tail)
            torch.testing.assert_close(b[0], a[0], rtol=0, atol=1e-5)
            torch.testing.assert_close(b[1], a[1], rtol=0, atol=1e-5)
            torch.testing.assert_close(b[2][..., move[kept]], a[2][..., kept], rtol=0, atol=1e-5)
            self.assertEqual(float(b[2][..., names.index(FRESH[2])].abs().max()), 0)

    def test_a_silent_model_keeps_its_codes_and_no_word(self):
        fresh, gone = migrate(GOLDEN, self.file, self.layout, silent=True)
        self.assertEqual((fresh, gone), ([], words_of(self.metadata)))
        (model, names), (golden, _) = load_exported(self.file), load_exported(GOLDEN)
        self.assertEqual(names, list(self.layout.names))
        torch.testing.assert_close(model.token_embd, golden.token_embd[: len(names)], rtol=0, atol=0)

    def test_other_positions_are_refused_and_nothing_is_written(self):
        with self.assertRaisesRegex(ValueError, "row_length is 20, the layout has 24"):
            migrate(GOLDEN, self.file, replace(self.layout, row_length=24))
        self.assertFalse(self.file.exists())

    def test_the_command_writes_the_layout_of_the_present_encoder(self):
        command = [sys.executable, "-m", "model.train.migrate", GOLDEN, self.file]
        subprocess.run([*map(str, command), "--describe", str(DESCRIBE)], check=True, stdout=subprocess.PIPE)
        metadata, _ = read_gguf(self.file)
        layout = read_layout(DESCRIBE)
        self.assertEqual(metadata["tokenizer.ggml.tokens"][: layout.n_codes], list(layout.names))
        self.assertEqual(metadata["millwright.prompt.version"], layout.version)
        self.assertEqual(metadata["millwright.prompt.slots"], layout.slots)


class StartFrom(unittest.TestCase):
    def setup_with(self, folder: Path, describe: dict, **shape: int):
        """A run of the golden file's size, but for `shape`, whose codes are `describe`."""
        config = json.loads(DEFAULT_CONFIG.read_text(encoding="utf-8"))
        (folder / "describe.json").write_text(json.dumps(describe), encoding="utf-8")
        config["describe"] = str(folder / "describe.json")
        config["model"] |= {"width": 32, "layers": 2, "heads": 4, "kv_heads": 2, "head_size": 8, "ffn": 64}
        config["model"] |= shape
        config["start_from"] = str(GOLDEN)
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return read_setup(folder / "config.json")

    def test_a_run_starts_with_the_weights_of_a_file_by_name(self):
        describe = json.loads(DESCRIBE.read_text(encoding="utf-8"))
        describe["names"][224:224] = FRESH
        describe["tables"] = {k: v + len(FRESH) * (v >= 224) for k, v in describe["tables"].items()}
        with tempfile.TemporaryDirectory() as name:
            setup = self.setup_with(Path(name), describe)
            model = begin(setup, iter(()), None).model
        earlier, before = load_exported(GOLDEN)
        names = describe["names"] + setup.wording.words
        known = {name: i for i, name in enumerate(before)}
        self.assertGreater(sum(name in known for name in names), 1000)
        for i, token in enumerate(names):
            row = model.token_embd[i]
            if token in known:
                self.assertTrue(torch.equal(row, earlier.token_embd[known[token]]), token)
            else:
                self.assertEqual(bool(row.any()), i >= len(describe["names"]), token)
        for key, value in earlier.state_dict().items():
            if key != "token_embd":
                self.assertTrue(torch.equal(model.state_dict()[key], value), key)

    def test_a_file_of_another_size_is_refused(self):
        with tempfile.TemporaryDirectory() as name:
            describe = json.loads(DESCRIBE.read_text(encoding="utf-8"))
            setup = self.setup_with(Path(name), describe, head_size=32)
            with self.assertRaises(ValueError):
                begin(setup, iter(()), None)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
