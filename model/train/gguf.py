"""A small GGUF v3 writer and reader: metadata, F32 and Q8_0 tensors; aligned to 32 bytes."""
from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from model.train.quant import BLOCK, dequantise_q8_0, quantise_q8_0

MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32
TYPE_F32, TYPE_Q8_0 = 0, 8
U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
HASH_KEY = "millwright.tensor_hash"
WORD, PRIME, BASIS, LANES = 2**64 - 1, 0x9E3779B97F4A7C15, 0xCBF29CE484222325, 4


def _string(text: str) -> bytes:
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _scalar(value: Any) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return BOOL, struct.pack("<B", value)
    if isinstance(value, np.uint64):
        return U64, struct.pack("<Q", int(value))
    if isinstance(value, int):
        return U32, struct.pack("<I", value)
    if isinstance(value, float):
        return F32, struct.pack("<f", value)
    if isinstance(value, str):
        return STRING, _string(value)
    raise TypeError(f"no GGUF type for {type(value)}")


def _value(value: Any) -> bytes:
    if not isinstance(value, (list, tuple)):
        kind, raw = _scalar(value)
        return struct.pack("<I", kind) + raw
    if value and isinstance(value[0], int):
        kind, items = I32, [struct.pack("<i", item) for item in value]
    else:
        kind, items = STRING, [_string(item) for item in value]
    return struct.pack("<IIQ", ARRAY, kind, len(items)) + b"".join(items)


def _tensor_bytes(tensor: np.ndarray, quantised: bool) -> bytes:
    if not quantised:
        return tensor.astype("<f4").tobytes()
    scale, values = quantise_q8_0(tensor)
    block = np.zeros(scale.shape, dtype=[("scale", "<f2"), ("value", "i1", (BLOCK,))])
    block["scale"], block["value"] = scale, values
    return block.tobytes()


def tensor_hash(tensors: list[bytes]) -> np.uint64:
    """The check sum of libmillwright-lm(3): a flipped bit in a weight does not go unnoticed."""
    whole = b"".join(raw + b"\0" * (-len(raw) % 8) for raw in tensors)
    words = np.frombuffer(whole, "<u8").tolist()
    total = len(words)
    for k in range(LANES):
        lane = BASIS + k
        for word in words[k::LANES]:
            lane = (lane ^ word) * PRIME & WORD
            lane ^= lane >> 32
        total = (total ^ lane) * PRIME & WORD
        total ^= total >> 32
    return np.uint64(total)


def _pad(size: int) -> bytes:
    return b"\0" * (-size % ALIGNMENT)


def write_gguf(
    path: Path, metadata: dict[str, Any], tensors: dict[str, np.ndarray], quantised: set[str]
) -> None:
    """Writes one file; `quantised` names the two-dimensional tensors stored as Q8_0."""
    raws = {name: _tensor_bytes(tensor, name in quantised) for name, tensor in tensors.items()}
    metadata = metadata | {HASH_KEY: tensor_hash(list(raws.values()))}
    head = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    head += [_string(key) + _value(value) for key, value in metadata.items()]
    data: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        raw = raws[name]
        shape = tensor.shape[::-1]  # GGUF lists the fastest dimension first
        kind = TYPE_Q8_0 if name in quantised else TYPE_F32
        head.append(_string(name) + struct.pack("<I", len(shape)))
        head.append(struct.pack(f"<{len(shape)}QIQ", *shape, kind, offset))
        data.append(raw + _pad(len(raw)))
        offset += len(data[-1])
    header = b"".join(head)
    path.write_bytes(header + _pad(len(header)) + b"".join(data))


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack("<" + form, self.file.read(struct.calcsize("<" + form)))

    def string(self) -> str:
        (size,) = self.unpack("Q")
        return self.file.read(size).decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            item, count = self.unpack("IQ")
            return [self.value(item) for _ in range(count)]
        return self.unpack({U32: "I", U64: "Q", I32: "i", F32: "f", BOOL: "?"}[kind])[0]


def _read_tensor(file: BinaryIO, shape: tuple[int, ...], kind: int) -> np.ndarray:
    count = int(np.prod(shape))
    if kind == TYPE_F32:
        return np.frombuffer(file.read(count * 4), "<f4").reshape(shape).copy()
    block = np.dtype([("scale", "<f2"), ("value", "i1", (BLOCK,))])
    raw = np.frombuffer(file.read(count // BLOCK * block.itemsize), block)
    raw = raw.reshape(shape[0], shape[1] // BLOCK)
    return dequantise_q8_0(raw["scale"], raw["value"])


def read_gguf(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Metadata and dequantised tensors of a file that `write_gguf` wrote."""
    with path.open("rb") as file:
        reader = _Reader(file)
        if file.read(4) != MAGIC:
            raise ValueError(f"{path}: not a GGUF file")
        _, n_tensors, n_metadata = reader.unpack("IQQ")
        metadata = {}
        for _ in range(n_metadata):
            key = reader.string()
            metadata[key] = reader.value(reader.unpack("I")[0])
        entries = []
        for _ in range(n_tensors):
            name = reader.string()
            (rank,) = reader.unpack("I")
            *shape, kind, offset = reader.unpack(f"{rank}QIQ")
            entries.append((name, tuple(shape[::-1]), kind, offset))
        start = file.tell() + (-file.tell() % ALIGNMENT)
        tensors = {}
        for name, shape, kind, offset in entries:
            file.seek(start + offset)
            tensors[name] = _read_tensor(file, shape, kind)
    return metadata, tensors
