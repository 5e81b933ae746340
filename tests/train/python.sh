# Sourced: finds a Python with torch (or skips with 77) and lets mw-corpus describe its codes.
for python in ${PYTHON:-/usr/bin/python3 python3}; do
	"$python" -c 'import torch, numpy' 2>/dev/null && break
	python=
done
if [ -z "$python" ]; then
	echo "no Python with torch and numpy"
	exit 77
fi
build=${O:-build}
MW_DESCRIBE=${MW_DESCRIBE:-$build/tests/describe.json}
if [ ! -s "$MW_DESCRIBE" ]; then
	mkdir -p "$build/tests" && "$build/mw-corpus" --describe >"$MW_DESCRIBE" || exit 1
fi
MW_KERNEL_CACHE=$build/kernels
PYTHONPATH=.:tests/train
PYTHONDONTWRITEBYTECODE=1
export MW_DESCRIBE MW_KERNEL_CACHE PYTHONPATH PYTHONDONTWRITEBYTECODE
