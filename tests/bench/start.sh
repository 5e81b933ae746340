#!/bin/bash
# How soon a restarted gateway judges: from the start of the process to the first verdict that a subscriber receives.
# The machine was learnt before; its rows wait at the broker.  Median of five.
set -euo pipefail
. deploy/demo/plant.sh

begin=1767592800 # the machine's clock
publish() { # rows
	"$O/millwright" simulate --machine pump-1=pump --port "$port" --rows "$1" --learn "$1" --seed 5 --start $begin --speed 0 --quiet
	begin=$((begin + $1))
}
stop() { kill -TERM "$gateway" && wait "$gateway"; }
is_learnt() { grep -q asset.watching "$work/gateway.log"; }

start_broker
"$O/millwright" simulate --machine pump-1=pump --rows 500 --print-assets >"$work/assets.cfg"
configure 400 en "$work/assets.cfg"
echo 'alarm = { scores = true; };' >>"$work/millwright.conf"
start_gateway
publish 500
wait_for 60 is_learnt || { echo "the machine was not learnt" >&2; exit 1; }
stop

for _ in 1 2 3 4 5; do
	mosquitto_sub -h 127.0.0.1 -p "$port" -t 'millwright/demo/score/#' -C 1 -W 60 -F '%U' >"$work/first" &
	subscriber=$!
	publish 64
	started=$EPOCHREALTIME
	"$O/millwright" run -c "$work/millwright.conf" 2>>"$work/gateway.log" &
	gateway=$!
	wait $subscriber || { echo "no verdict" >&2; exit 1; }
	awk -v from="$started" -v to="$(cat "$work/first")" 'BEGIN { printf "%.0f\n", (to - from) * 1000 }' >>"$work/times"
	stop
done
sort -n "$work/times" | awk '{ t[NR] = $1 } END { printf "start to first verdict: %d ms (of %d: %d to %d)\n", t[int((NR + 1) / 2)], NR, t[1], t[NR] }'
