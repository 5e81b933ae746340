"""Checkpoint -> GGUF (Q8_0 matrices, F32 norms and heads)."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from model.train.gguf import read_gguf, write_gguf
from model.train.layout import Layout
from model.train.model import Millwright, Shape

NAME = "Millwright nano"
MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
NORMS = ("attn_norm", "ffn_norm")
TOKEN_NORMAL, TOKEN_CONTROL, TOKEN_REFERENCE = 1, 3, 4


def tensor_map(model: Millwright) -> dict[str, torch.Tensor]:
    """GGUF tensor name -> the parameter that holds it."""
    tensors = {"token_embd.weight": model.token_embd}
    tensors["output_norm.weight"] = model.output_norm.weight
    for index, block in enumerate(model.blocks):
        for name in NORMS + MATRICES:
            tensors[f"blk.{index}.{name}.weight"] = getattr(block, name).weight
    for name, head in (("asset", model.head_asset), ("channel", model.head_channel)):
        tensors[f"patch_head.{name}.weight"] = head.weight
        tensors[f"patch_head.{name}.bias"] = head.bias
    return tensors


def is_quantised(name: str) -> bool:
    return name == "token_embd.weight" or name.split(".")[-2] in MATRICES


def architecture(shape: Shape, layout: Layout) -> dict[str, object]:
    prefix = "millwright."
    return {
        prefix + "block_count": shape.layers,
        prefix + "embedding_length": shape.width,
        prefix + "feed_forward_length": shape.ffn,
        prefix + "context_length": (1 + layout.max_channels) * shape.row_length + 96,
        prefix + "attention.head_count": shape.heads,
        prefix + "attention.head_count_kv": shape.kv_heads,
        prefix + "attention.key_length": shape.head_size,
        prefix + "attention.layer_norm_rms_epsilon": shape.eps,
        prefix + "attention.asset_prefix": shape.asset_prefix,
        prefix + "rope.freq_base": shape.rope_base,
        prefix + "prompt.version": layout.version,
        prefix + "prompt.slots": layout.slots,
        prefix + "prompt.row_length": layout.row_length,
        prefix + "prompt.first_patch": layout.first_patch,
        prefix + "prompt.max_channels": layout.max_channels,
    }


def token_types(layout: Layout, words: list[str]) -> list[int]:
    kinds = [TOKEN_REFERENCE if word.startswith("{") else TOKEN_NORMAL for word in words]
    return [TOKEN_CONTROL] * layout.n_codes + kinds


def export(
    model: Millwright, layout: Layout, words: list[str], path: Path, name: str = NAME
) -> None:
    metadata: dict[str, object] = {
        "general.architecture": "millwright",
        "general.name": name,
        "general.license": "apache-2.0",
        "general.alignment": 32,
        "general.quantization_version": 2,
        "general.file_type": 7,  # mostly Q8_0
        **architecture(model.shape, layout),
        "tokenizer.ggml.model": "millwright",
        "tokenizer.ggml.tokens": list(layout.names) + words,
        "tokenizer.ggml.token_type": token_types(layout, words),
    }
    tensors = {}
    for key, value in tensor_map(model).items():
        array = value.detach().float().numpy()
        tensors[key] = array.reshape(-1) if key.startswith("patch_head") else array
    write_gguf(path, metadata, tensors, {key for key in tensors if is_quantised(key)})


def words_of(metadata: dict) -> list[str]:
    """The tokens of a file that are no codes."""
    tokens, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    return [token for token, kind in zip(tokens, kinds) if kind != TOKEN_CONTROL]


def shape_of(metadata: dict) -> Shape:
    get = lambda key: metadata["millwright." + key]  # noqa: E731
    return Shape(
        vocab=len(metadata["tokenizer.ggml.tokens"]),
        width=get("embedding_length"),
        layers=get("block_count"),
        heads=get("attention.head_count"),
        kv_heads=get("attention.head_count_kv"),
        head_size=get("attention.key_length"),
        ffn=get("feed_forward_length"),
        eps=get("attention.layer_norm_rms_epsilon"),
        rope_base=get("rope.freq_base"),
        row_length=get("prompt.row_length"),
        first_patch=get("prompt.first_patch"),
        asset_prefix=get("attention.asset_prefix"),
    )


def rows_by_name(
    table: np.ndarray, before: Sequence[str], names: Sequence[str], fresh: np.ndarray
) -> np.ndarray:
    """Rows of `table`, named `before`, in the order of `names`; a new name takes its row of
    `fresh`."""
    place = {name: i for i, name in enumerate(before)}
    return np.stack([table[place[n]] if n in place else fresh[i] for i, n in enumerate(names)])


def load_exported(path: Path) -> tuple[Millwright, list[str]]:
    """The model of a GGUF file with its dequantised weights, and its token names."""
    metadata, tensors = read_gguf(path)
    model = Millwright(shape_of(metadata))
    with torch.no_grad():
        for key, parameter in tensor_map(model).items():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(tensors[key])).view_as(parameter))
    return model, metadata["tokenizer.ggml.tokens"]
