#!/bin/bash
# The whole gateway over a real broker on loopback: N machines of 8 channels at 1 Hz, every window read by the
# default model, broker, gateway and the plant's simulation on the same processor.  MACHINES="10 100 1000";
# PRIORITY: of all of these (nice), where the machine has other work.
set -euo pipefail
. deploy/demo/plant.sh
CORES=${CORES:-0,1}

has_learnt() { [ "$(grep -c asset.watching "$work/gateway.log")" -eq "$machines" ]; }

start_plant() { # for $machines; sets start: the machines' clock begins so that live rows are now
	configure 200 en
	sed -i 's|"factory/+"|"plant/+"|; s|"64MiB"|"256MiB"|' "$work/millwright.conf"
	start_gateway
	start=$(($(date +%s) - 203))
	"$O/bench/plant_load" learn "$port" "$machines" "$start"
	wait_for 600 has_learnt || { echo "the machines were not learnt" >&2; exit 1; }
}

stop_plant() {
	kill -TERM "$gateway" && wait "$gateway" || true
	rm -rf "$work"/spool "$work"/*.db* "$work/gateway.log"
}

if [ -n "${PRIORITY:-}" ]; then
	renice -n "$PRIORITY" -p $$ >/dev/null
	[ ! -w /proc/$$/autogroup ] || echo "$PRIORITY" >/proc/$$/autogroup
fi
start_broker
taskset -pc "$CORES" $$ >/dev/null 2>&1 || true
taskset -pc "$CORES" "$broker" >/dev/null 2>&1 || true
echo "one JSON object a machine and second, QoS 1; learnt from 200 rows; cores $CORES, priority ${PRIORITY:-0}; load before: $(cut -d' ' -f1-3 /proc/loadavg)"
printf '%8s %17s %7s %7s %7s %10s %12s %9s %8s %8s\n' machines "alerted" "ms p50" p99 most "% core" "ms/machine s" "broker %" "RSS MB" "peak MB"
for machines in ${MACHINES:-10 100 1000}; do
	start_plant
	"$O/bench/plant_load" live "$port" "$machines" "$start" "$gateway" "$broker"
	stop_plant
done
