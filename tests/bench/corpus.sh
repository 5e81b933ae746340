#!/bin/bash
# Training windows per second: simulated, learnt, encoded, labelled and written; on one core, then one process a core.
set -euo pipefail
O=${O:-build}
windows=${WINDOWS:-10000}
cores=$(nproc)

make_windows() { # shard
	"$O/mw-corpus" --out /dev/null --windows "$windows" --seed 1 --shard "$1"
}
report() { # processes begin-ns end-ns
	awk -v n="$1" -v windows="$windows" -v begin="$2" -v end="$3" 'BEGIN {
		rate = n * windows * 1e9 / (end - begin)
		printf "processes: %d  %6.0f windows/s, a million in %.1f minutes\n", n, rate, 1e6 / rate / 60 }'
}

begin=$(date +%s%N)
make_windows 0
report 1 "$begin" "$(date +%s%N)"
[ "$cores" -gt 1 ] || exit 0
begin=$(date +%s%N)
pids=()
for ((shard = 1; shard <= cores; shard++)); do
	make_windows "$shard" &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
report "$cores" "$begin" "$(date +%s%N)"
