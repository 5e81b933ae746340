#!/bin/sh
# make bench: every benchmark program below $O/bench, one after the other.
set -u
O=${O:-build}
status=0
for program in "$O"/bench/bench_*; do
	[ -x "$program" ] || continue
	echo "== ${program##*/bench_}"
	"$program" || status=1
done
exit $status
