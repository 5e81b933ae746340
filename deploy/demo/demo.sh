#!/bin/bash
# make demo: a plant in a box.  Starts a private broker and the gateway on loopback, publishes simulated
# machines with faults at known times (and a recorded run where one is at hand), prints every alert as
# an MQTT subscriber receives it, and says what was found and what was missed.  Leaves nothing running.
#
#   DEMO_SECONDS  how long it takes (default 90)      DEMO_LANGUAGE  en or ko
#   DEMO_KEEP     a directory to leave the files in
set -euo pipefail
O=${O:-build}
seconds=${DEMO_SECONDS:-90}
rows=1500 learn=400
work=$(mktemp -d "${TMPDIR:-/tmp}/millwright-demo.XXXXXX")
pids=()

finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	if [ -n "${DEMO_KEEP:-}" ]; then mkdir -p "$DEMO_KEEP" && cp -r "$work"/. "$DEMO_KEEP"; fi
	rm -rf "$work"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

start_broker() { # on the first free port
	for port in $(shuf -i 20000-40000 -n 20); do
		sed "s/@PORT@/$port/" deploy/demo/mosquitto.conf >"$work/mosquitto.conf"
		mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
		pid=$!
		for _ in $(seq 50); do
			mosquitto_pub -p "$port" -t demo/ready -n 2>/dev/null && pids+=("$pid") && return
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill "$pid" 2>/dev/null || true
	done
	echo "no broker could be started:" >&2
	cat "$work/mosquitto.log" >&2
	exit 69
}

wait_for() { # seconds command...
	local until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$until" ] || return 1
		sleep 0.2
	done
}

status() { curl -s --unix-socket "$work/api.sock" http://millwright/v1/status; }
drained() { [ "$(status | jq '.counters.records')" -ge "$1" ]; }

machines=(--machine pump-1=pump --machine compressor-1=compressor --machine conveyor-1=conveyor)
faults=(--fault pump-1:cavitation:650:850:0.8 --fault pump-1:stuck:1150:1300:0.8
	--fault compressor-1:cooling_loss:700:950:0.8 --fault conveyor-1:belt_slip:600:800:0.8
	--fault conveyor-1:bearing_wear:1050:1300:0.9)
recording=()
for run in ../shared/data/skab/valve1/1.csv; do
	[ -f "$run" ] && recording=(--delimiter ';' --time datetime --ignore changepoint --label anomaly
		--recording "testbed-1=$run")
done

start_broker
"$O/millwright" simulate "${machines[@]}" --rows $rows --learn $learn --print-assets >"$work/assets.cfg"
sed -e "s|@PORT@|$port|; s|@WORK@|$work|g; s|@PLUGINS@|$PWD/$O/plugins|; s|@LEARN@|$learn|" \
	-e "s|@LANGUAGE@|${DEMO_LANGUAGE:-en}|; s|@MODEL@|$PWD/model/weights/millwright-nano.gguf|" \
	-e "s|@FAULTS@|$PWD/schemas/faults.cfg|" deploy/demo/millwright.conf >"$work/millwright.conf"
cat "$work/assets.cfg" >>"$work/millwright.conf"

say "gateway: $("$O/millwright" check -c "$work/millwright.conf")"
"$O/millwright" run -c "$work/millwright.conf" 2>"$work/gateway.log" &
gateway=$!
pids+=("$gateway")
wait_for 10 status || { cat "$work/gateway.log" >&2; exit 70; }

mosquitto_sub -p "$port" -q 1 -t 'millwright/demo/alert/#' -F '%p' >"$work/alerts.jsonl" &
pids+=($!)
tail -n +1 -f "$work/alerts.jsonl" | jq --unbuffered -r '
	if .transition == "raised" then
		"\n\(.raised | sub("\\.000Z"; "Z"))  RAISED  \(.asset)  \(.fault)  severity \(.severity)  score \(.score * 1000 | floor / 1000)\n    \(.explanation)"
	elif .transition == "cleared" then "\n\(.cleared | sub("\\.000Z"; "Z"))  cleared \(.asset)  \(.fault)"
	else empty end' &
pids+=($!)

say "publishing $((${#machines[@]} / 2)) simulated machines${recording:+ and one recorded run}: $rows rows each, learning from the first $learn"
total=$((rows * 3))
[ ${#recording[@]} -eq 0 ] || total=$((total + $(wc -l <"${recording[9]#*=}") - 1))
publish_seconds=$((seconds > 20 ? seconds - 12 : seconds / 2))
"$O/millwright" simulate "${machines[@]}" "${faults[@]}" "${recording[@]}" --port "$port" --quiet \
	--rows $rows --learn $learn --seed 7 --speed $((rows / publish_seconds + 1)) --truth "$work/truth.jsonl"
wait_for 30 drained "$total" || echo "the gateway has not read everything" >&2
sleep 1 # the last alerts are on their way

status >"$work/status.json"
memory=$(awk '/VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$gateway/status")
say "summary"
deploy/demo/summary.sh "$work" "$memory"
