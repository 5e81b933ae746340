# Sourced: finds a Python with numpy and scikit-learn, or skips with 77.
for python in ${PYTHON:-/usr/bin/python3 python3}; do
	"$python" -c 'import numpy, sklearn' 2>/dev/null && break
	python=
done
if [ -z "$python" ]; then
	echo "no Python with numpy and scikit-learn"
	exit 77
fi
PYTHONPATH=.
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE
