#!/bin/sh
# tests/bench/peer.sh PEER...: this engine beside others, on the same files of random weights, in one run.  A PEER is a folder
# of an installed llama.cpp or ik_llama.cpp: include/ and ggml/include/, libllama.so and libggml.so somewhere below.
#
# Rounds are interleaved and medians of them printed: tokens/s by shape, case, threads and engine; then the milliseconds
# from the start of the process to its first token, and the peak of its memory in MiB.
#   SHAPES="llama-5M ..."   THREADS="1 2"   ROUNDS=3   FILES=folder that keeps the model files
#   CLOCK=processor         one thread measured by the time it ran, not by the wall: for a machine with other work
set -eu
cd "$(dirname "$0")/../.."
O=${O:-build}
shapes=${SHAPES:-llama-5M llama-25M llama-110M openelm-270M}
threads=${THREADS:-1 2} rounds=${ROUNDS:-3} clock=${CLOCK:-wall}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
files=${FILES:-$dir}
flags="-std=c11 -D_GNU_SOURCE -O2 -I."
make -s O="$O" "$O/bench/make_model" "$O/libmillwright-lm.a" "$O/millwright" >/dev/null
# shellcheck disable=SC2086 # the flags are several words
${CC:-cc} $flags -o "$dir/millwright" tests/bench/versus.c tests/bench/versus_ours.c "$O/libmillwright-lm.a" -lpthread -lm
engines=millwright

driver() { # peer's folder
	name=$(basename "$1") old=
	grep -q llama_memory_clear "$1/include/llama.h" || old=-DPEER_OLD_CACHE
	llama=$(dirname "$(find "$1" -name libllama.so | head -n 1)")
	ggml=$(dirname "$(find "$1" -name libggml.so | head -n 1)")
	base=
	[ -f "$ggml/libggml-base.so" ] && base=-lggml-base
	# shellcheck disable=SC2086
	${CC:-cc} $flags $old -I"$1/include" -I"$1/ggml/include" -o "$dir/$name" tests/bench/versus.c tests/bench/versus_llama.c \
		-L"$llama" -L"$ggml" -Wl,-rpath,"$llama:$ggml" -lllama -lggml $base -lm
	engines="$engines $name"
}
for peer in "$@"; do
	driver "$peer"
done

run() { # engine mode shape threads
	[ "$clock" = processor ] && [ "$4" != 1 ] && return
	VERSUS_CLOCK=$clock "$dir/$1" "$2" "$files/$3.gguf" "$4" |
		awk -v at="$3 $4 $1" '{ print at, $1, $2, $3 }' >>"$dir/rows"
}
start() { # engine shape
	begin=$(date +%s%N)
	"$dir/$1" first "$files/$2.gguf" 1 | awk -v at="$2 1 $1" '/rss/ { print at, "first_rss_mib", $2 }' >>"$dir/rows"
	end=$(date +%s%N)
	echo "$2 1 $1 first_token_ms $(((end - begin) / 10000))" | awk '{ $5 /= 100; print }' >>"$dir/rows"
}
for shape in $shapes; do
	[ -f "$files/$shape.gguf" ] || "$O/bench/make_model" "$shape" q8_0 "$files/$shape.gguf"
done
for round in $(seq "$rounds"); do
	for shape in $shapes; do
		for engine in $engines; do
			for n in $threads; do
				run "$engine" speed "$shape" "$n"
				run "$engine" batch "$shape" "$n"
			done
			start "$engine" "$shape"
		done
	done
	echo "round $round of $rounds" >&2
done
# shape threads engine case: median over the rounds of the runs' medians, and of the fastest
sort -k1,4 -s "$dir/rows" | awk '
	{ key = $1 " " $2 " " $4; engine[$3]; keys[key]; list[key, $3] = list[key, $3] " " $5; best[key, $3] = best[key, $3] " " $6 }
	function median(text, values, n, i, j, t) {
		n = split(text, values, " ")
		for (i = 2; i <= n; i++) for (j = i; j > 1 && values[j - 1] + 0 > values[j] + 0; j--) { t = values[j]; values[j] = values[j - 1]; values[j - 1] = t }
		return values[int((n + 1) / 2)]
	}
	END { for (key in keys) for (e in engine) if ((key, e) in list)
		printf "%-32s %-20s %10s %10s\n", key, e, median(list[key, e]), median(best[key, e]) }' | sort
