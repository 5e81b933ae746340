#!/bin/sh
# make bench: every benchmark program below $O/bench, one after the other, then the start of the gateway.
set -u
O=${O:-build}
status=0
for program in "$O"/bench/bench_*; do
	[ -x "$program" ] || continue
	echo "== ${program##*/bench_}"
	"$program" || status=1
done
echo "== start"
O=$O tests/bench/start.sh || status=1
exit $status
