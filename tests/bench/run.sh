#!/bin/sh
# make bench: every benchmark program below $O/bench, one after the other, then the training corpus and
# the start of the gateway.
set -u
O=${O:-build}
status=0
for program in "$O"/bench/bench_*; do
	[ -x "$program" ] || continue
	echo "== ${program##*/bench_}"
	"$program" || status=1
done
echo "== corpus"
O=$O tests/bench/corpus.sh || status=1
echo "== start"
O=$O tests/bench/start.sh || status=1
echo "== live"
O=$O tests/bench/live.sh || status=1
exit $status
