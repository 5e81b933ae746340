#!/bin/bash
# Compares the alerts an MQTT subscriber received with what was injected.  Exit 0 when at most one fault
# was missed and at most one alarm was false.
set -euo pipefail
work=$1 memory=$2

# A raise belongs to a fault when it comes between its onset and 60 s after its end.
jq -n -r --slurpfile alerts "$work/alerts.jsonl" --slurpfile truth "$work/truth.jsonl" '
	def at: sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601;
	($alerts | map(select(.transition == "raised"))) as $raised |
	($truth | map(. as $t | . + {hit: [$raised[] | select(.asset == $t.asset
		and (.raised | at) >= ($t.from | at) and (.raised | at) <= ($t.to | at) + 60)][0]})) as $faults |
	($raised | map(select(. as $a | any($truth[]; .asset == $a.asset
		and ($a.raised | at) >= (.from | at) and ($a.raised | at) <= (.to | at) + 60) | not))) as $false |
	($faults[] | "fault\t\(.asset)\t\(if .recorded then "(recorded run)" else .fault end)\t\(if .hit then "found after \((.hit.raised | at) - (.from | at)) s, named \(.hit.fault)" else "MISSED" end)"),
	($false[] | "alarm\t\(.asset)\t\(.fault)\tFALSE at \(.raised)"),
	($faults | map(select(.recorded | not))) as $injected |
	"count\t\($injected | map(select(.hit)) | length)\t\($injected | length)\t\($false | length)"
' >"$work/summary.tsv"

grep -v '^count' "$work/summary.tsv" | awk -F'\t' '{ printf "  %-14s %-16s %s\n", $2, $3, $4 }'
IFS=$'\t' read -r _ found injected false < <(grep '^count' "$work/summary.tsv")
jq -r --arg memory "$memory" '.counters | "  windows read \(.windows), tokens/s \(.tokens * 1000 / ([.tokens_busy_ms, 1] | max) | floor), " +
	"samples \(.samples), dropped \(.samples_dropped), memory \($memory) MB"' "$work/status.json"
echo "  $found of $injected injected faults found, $false false alarms"
[ "$found" -ge $((injected - 1)) ] && [ "$false" -le 1 ]
