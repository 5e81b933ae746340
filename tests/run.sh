#!/bin/sh
# Runs every test program below $O/tests and every tests/*/*.test script, and prints the count.
# A Check program reports its own tests; a fuzz replay and a script count as one each.
# ONLY=REGEX runs the ones whose name matches.
# A .test script exits 0 (passed), 77 (cannot run here; says why) or anything else (failed).
set -u
O=${O:-build}
export O
log=$O/tests/log
mkdir -p "$log"
passed=0 failed=0 skipped=0

note() { # verdict name seconds
	printf '%-7s %s (%ss)\n' "$1" "$2" "$3"
}

wanted() { printf '%s\n' "$1" | grep -Eq "${ONLY:-.}"; }

run_check() { # a program made with MW_TEST_MAIN
	name=${1#"$O"/tests/}
	wanted "$name" || return 0
	out=$log/$(echo "$name" | tr / _).log
	start=$(date +%s)
	"$1" >"$out" 2>&1
	status=$?
	line=$(grep -E '^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+' "$out" | tail -n 1)
	checks=$(echo "$line" | sed -n 's/.*Checks: \([0-9]*\),.*/\1/p')
	bad=$(echo "$line" | sed -n 's/.*Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2/p' | awk '{print $1+$2}')
	if [ -z "$checks" ]; then checks=1 bad=1; fi
	[ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1 # a sanitizer complained after the count
	passed=$((passed + checks - bad)) failed=$((failed + bad))
	if [ "$bad" -ne 0 ]; then
		note FAILED "$name" $(($(date +%s) - start))
		sed 's/^/        /' "$out" | tail -n 40
	else
		note ok "$name: $checks" $(($(date +%s) - start))
	fi
}

run_one() { # name command...
	name=$1 out=$log/$(echo "$1" | tr / _).log
	wanted "$name" || return 0
	shift
	start=$(date +%s)
	"$@" >"$out" 2>&1
	case $? in
	0) passed=$((passed + 1)) && note ok "$name" $(($(date +%s) - start)) ;;
	77) skipped=$((skipped + 1)) && note skipped "$name: $(tail -n 1 "$out")" 0 ;;
	*)
		failed=$((failed + 1))
		note FAILED "$name" $(($(date +%s) - start))
		sed 's/^/        /' "$out" | tail -n 60
		;;
	esac
}

for program in "$O"/tests/unit/test_* "$O"/tests/contract/test_*; do
	[ -x "$program" ] && run_check "$program"
done
for program in "$O"/tests/replay/fuzz_*; do
	[ -x "$program" ] || continue
	name=${program##*/fuzz_}
	run_one "fuzz/$name" "$program" tests/fuzz/corpus/"$name"
done
for script in tests/*/*.test; do
	[ -x "$script" ] && run_one "${script#tests/}" "$script"
done

if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
