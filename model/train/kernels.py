"""Builds and binds kernels.c.  Arrays are contiguous tensors; bf16 and int16 travel as 16 bits."""
from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Optional

from torch import Tensor

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = (
    "-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-fopenmp", "-fPIC",
    "-shared", "-std=gnu11",
)  # fmt: skip
HEAD_SIZE = 32


class Geometry(ctypes.Structure):
    """struct geometry of kernels.c."""

    _fields_ = [
        (name, ctypes.c_int32)
        for name in (
            "windows", "rows", "row_length", "tail", "heads", "kv_heads", "prefix", "quantised",
        )  # fmt: skip
    ]

    @property
    def length(self) -> int:
        return self.rows * self.row_length + self.tail


def keep_memory() -> None:
    """Lets glibc reuse the freed arrays of a step: giving them back costs a fifth of the time."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in ((-3, 32 << 20), (-1, 2**31 - 1), (-2, 256 << 20)):
            libc.mallopt(option, value)  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD


@lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """Compiles once per source and machine; CalledProcessError where there is no compiler."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    folder = Path(os.environ.get("MW_KERNEL_CACHE", Path(tempfile.gettempdir()) / "mw-kernels"))
    path = folder / f"kernels-{digest}.so"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{path.name}.{os.getpid()}"
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, *FLAGS, "-o", partial, SOURCE, "-lm"], check=True)
        partial.replace(path)
    keep_memory()
    return ctypes.CDLL(str(path))


def address(tensor: Optional[Tensor]) -> ctypes.c_void_p:
    if tensor is None:
        return ctypes.c_void_p()
    if not tensor.is_contiguous():
        raise ValueError("a kernel needs contiguous arrays")
    return ctypes.c_void_p(tensor.data_ptr())


def size(value: int) -> ctypes.c_size_t:
    return ctypes.c_size_t(value)
