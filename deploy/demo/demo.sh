#!/bin/bash
# make demo: a plant in a box.  Starts a private broker and the gateway on loopback, publishes simulated
# machines with faults at known times (and a recorded run where one is at hand), prints every alert as
# an MQTT subscriber receives it, and says what was found and what was missed.  The operator page is there from the
# start; in a terminal it stays up until Enter is pressed.  Leaves nothing running.
#
#   DEMO_SECONDS  how long it takes (default 90)      DEMO_LANGUAGE  en or ko
#   DEMO_KEEP     a directory to leave the files in           DEMO_PAGE      the page's port (default 8787, else any)
set -euo pipefail
. deploy/demo/plant.sh
seconds=${DEMO_SECONDS:-90}
rows=1500 learn=400

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

machines=(--seed 1 --machine pump-1=pump --machine compressor-1=compressor --machine conveyor-1=conveyor)
faults=(--fault pump-1:cavitation:650:850:0.8 --fault pump-1:stuck:1150:1300:0.8
	--fault compressor-1:cooling_loss:700:950:0.8 --fault conveyor-1:belt_slip:600:800:0.8
	--fault conveyor-1:bearing_wear:1050:1300:0.9)
recording=()
for run in ../shared/data/skab/valve1/8.csv; do
	[ -f "$run" ] && recording=(--delimiter ';' --time datetime --ignore changepoint --label anomaly
		--recording "testbed-1=$run")
done

page_port=${DEMO_PAGE:-8787}
! (: <"/dev/tcp/127.0.0.1/$page_port") 2>/dev/null || page_port=0 # somebody else's
start_broker
"$O/millwright" simulate "${machines[@]}" --rows $rows --learn $learn --print-assets >"$work/assets.cfg"
configure $learn "${DEMO_LANGUAGE:-en}" "$work/assets.cfg"

say "gateway: $("$O/millwright" check -c "$work/millwright.conf")"
start_gateway
page=$(status | jq -r .page)
say "operator page: $page"
: >"$work/alerts.jsonl"
subscribe "$work/alerts.jsonl"
tail -n +1 -f "$work/alerts.jsonl" | jq --unbuffered -r '
	if .transition == "raised" then
		"\n\(.raised | sub("\\.000Z"; "Z"))  RAISED  \(.asset)  \(.fault)  severity \(.severity)  score \(.score * 1000 | floor / 1000)\n    \(.explanation)"
	elif .transition == "cleared" then "\n\(.cleared | sub("\\.000Z"; "Z"))  cleared \(.asset)  \(.fault)"
	else empty end' &
pids+=($!)

say "publishing 3 simulated machines${recording:+ and one recorded run}: $rows rows each, learning from the first $learn"
total=$((rows * 3))
[ ${#recording[@]} -eq 0 ] || total=$((total + $(wc -l <"${recording[9]#*=}") - 1))
publish_seconds=$((seconds > 20 ? seconds - 6 : seconds / 2))
"$O/millwright" simulate "${machines[@]}" "${faults[@]}" "${recording[@]}" --port "$port" --quiet \
	--rows $rows --learn $learn --speed $((rows / publish_seconds + 1)) --truth "$work/truth.jsonl"
wait_for 30 has_read "$total" || echo "the gateway has not read everything" >&2
sleep 1 # the last alerts are on their way

status >"$work/status.json"
memory=$(awk '/VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$gateway/status")
say "summary"
printf "  "
/usr/bin/python3 tests/e2e/check_alerts.py "$work/alerts.jsonl" # every number, re-derived
result=0
deploy/demo/summary.sh "$work" "$memory" || result=$?
if [ -t 0 ] && [ -t 1 ]; then # somebody is looking: leave them the page
	say "the page is still there: $page  (Enter ends the demo)"
	read -r _ || true
fi
exit $result
