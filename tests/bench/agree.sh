#!/bin/sh
# tests/bench/agree.sh PEER: whether this engine and an installed llama.cpp (a folder, see peer.sh) say the same of the same
# files: the same greedy 64 tokens after 8 prompts from F16 files, and, over 2,000 positions of Q8_0 files, logits that are
# no further apart than the peer's own on Q8_0 and F16.  Random weights, one shape for every architecture.  Needs numpy.
set -eu
cd "$(dirname "$0")/../.."
O=${O:-build}
shapes=${SHAPES:-llama-5M openelm-15M phi3-15M}
python=${PYTHON:-/usr/bin/python3}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
flags="-std=c11 -D_GNU_SOURCE -O2 -I."
make -s O="$O" "$O/bench/make_model" "$O/libmillwright-lm.a" "$O/millwright" >/dev/null
# shellcheck disable=SC2086 # the flags are several words
${CC:-cc} $flags -o "$dir/ours" tests/bench/versus.c tests/bench/versus_ours.c "$O/libmillwright-lm.a" -lpthread -lm
old=
grep -q llama_memory_clear "$1/include/llama.h" || old=-DPEER_OLD_CACHE
llama=$(dirname "$(find "$1" -name libllama.so | head -n 1)")
# shellcheck disable=SC2086
${CC:-cc} $flags $old -I"$1/include" -I"$1/ggml/include" -o "$dir/peer" tests/bench/versus.c tests/bench/versus_llama.c \
	-L"$llama" -Wl,-rpath,"$llama" -lllama -lggml -lggml-base -lm

# prompts: COUNT of LENGTH tokens below 4096
prompts() {
	awk -v count="$1" -v n="$2" 'BEGIN { srand(5); for (i = 0; i < count; i++) { for (k = 0; k < n; k++) printf "%d ", 3 + int(rand() * 4000); print "" } }'
}
prompts 8 12 >"$dir/short"
prompts 4 500 >"$dir/long"
status=0
for shape in $shapes; do
	f16=$dir/$shape-f16.gguf q8=$dir/$shape.gguf
	"$O/bench/make_model" "$shape" f16 "$f16"
	"$O/millwright" lm quantize "$f16" "$q8" >/dev/null
	echo "$shape"
	VERSUS_EXACT=1 "$dir/ours" greedy "$f16" <"$dir/short" >"$dir/a"
	"$dir/peer" greedy "$f16" <"$dir/short" >"$dir/b"
	"$python" tests/bench/agree.py texts "$dir/a" "$dir/b" || status=1
	"$dir/ours" logits "$q8" "$dir/a" <"$dir/long"
	"$dir/peer" logits "$q8" "$dir/b" <"$dir/long"
	"$dir/peer" logits "$f16" "$dir/c" <"$dir/long"
	"$python" tests/bench/agree.py logits "$dir/a" "$dir/b" "$dir/c" 4096 || status=1
done
exit $status
