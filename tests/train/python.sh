# Sourced: finds a Python with torch and numpy, or with the $modules asked for (or skips with 77), and
# lets mw-corpus describe its codes.
modules=${modules:-torch, numpy}
for python in ${PYTHON:-/usr/bin/python3 python3}; do
	"$python" -c "import $modules" 2>/dev/null && break
	python=
done
if [ -z "$python" ]; then
	echo "no Python with $modules"
	exit 77
fi
build=${O:-build}
if [ -z "${MW_DESCRIBE:-}" ]; then
	MW_DESCRIBE=$build/tests/describe.json
	mkdir -p "$build/tests" && "$build/mw-corpus" --describe >"$MW_DESCRIBE" || exit 1
fi
MW_KERNEL_CACHE=$build/kernels
PYTHONPATH=.:tests/train
PYTHONDONTWRITEBYTECODE=1
export MW_DESCRIBE MW_KERNEL_CACHE PYTHONPATH PYTHONDONTWRITEBYTECODE
