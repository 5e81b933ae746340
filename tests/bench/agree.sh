#!/bin/sh
# tests/bench/agree.sh PEER: whether this engine and an installed llama.cpp (a folder, see peer.sh) say the same of the same
# files: the same greedy 64 tokens after prompts from F16 files, and, over 2,000 positions of Q8_0 files, logits that are no
# further apart than the peer's own on Q8_0 and F16.  Random weights, one shape for every architecture.  Needs numpy.
#
# Rounding to halves or int8 turns the least difference of sums into one of a step, so two programs that sum in another order
# never agree to the last bit: beside each comparison stands how much the peer agrees with itself, without flash attention.
#   SHAPES="llama-5M ..."   TEXTS=8   greedy texts
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
prompts "${TEXTS:-8}" 12 >"$dir/short"
prompts 4 500 >"$dir/long"
status=0
texts() { # what, two files
	printf '%s: ' "$1"
	"$python" tests/bench/agree.py texts "$dir/$2" "$dir/$3"
}
for shape in $shapes; do
	f16=$dir/$shape-f16.gguf q8=$dir/$shape.gguf
	"$O/bench/make_model" "$shape" f16 "$f16"
	"$O/millwright" lm quantize "$f16" "$q8" >/dev/null
	echo "$shape"
	VERSUS_ARITHMETIC=f32 "$dir/ours" greedy "$f16" <"$dir/short" >"$dir/f32"
	VERSUS_ARITHMETIC=f16 "$dir/ours" greedy "$f16" <"$dir/short" >"$dir/f16"
	VERSUS_ATTENTION=plain "$dir/peer" greedy "$f16" <"$dir/short" >"$dir/plain"
	"$dir/peer" greedy "$f16" <"$dir/short" >"$dir/flash"
	texts "in halves, peer without flash attention" f16 plain || status=1
	texts "in halves, peer as it comes" f16 flash || true
	texts "in floats, peer as it comes" f32 flash || true
	texts "peer without flash attention, peer as it comes" plain flash || true
	"$dir/ours" logits "$q8" "$dir/a" <"$dir/long"
	"$dir/peer" logits "$q8" "$dir/b" <"$dir/long"
	"$dir/peer" logits "$f16" "$dir/c" <"$dir/long"
	"$python" tests/bench/agree.py logits "$dir/a" "$dir/b" "$dir/c" 4096 || status=1
	VERSUS_ATTENTION=plain "$dir/peer" logits "$q8" "$dir/a" <"$dir/long"
	printf 'the peer without flash attention: '
	"$python" tests/bench/agree.py logits "$dir/a" "$dir/b" "$dir/c" 4096 || true
done
exit $status
