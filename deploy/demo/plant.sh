# plant.sh -- a private broker and gateway on loopback, for the demo and the end-to-end tests.  Sourced.
# Sets work (a scratch directory), port, and stops everything it started when the shell ends.
O=${O:-build}
model=${MODEL:-$PWD/model/weights/millwright-nano.gguf}
work=$(mktemp -d "${TMPDIR:-/tmp}/millwright.XXXXXX")
pids=()

finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	if [ -n "${DEMO_KEEP:-}" ]; then mkdir -p "$DEMO_KEEP" && cp -r "$work"/. "$DEMO_KEEP"; fi
	rm -rf "$work"
}
trap finish EXIT

wait_for() { # seconds command...
	local until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$until" ] || return 1
		sleep 0.1
	done
}

broker_answers() { mosquitto_pub -h 127.0.0.1 -p "$port" -t plant/ready -n 2>/dev/null; }

start_broker_on_port() { # runs the broker of $work/mosquitto.conf; sets broker
	mosquitto -c "$work/mosquitto.conf" >>"$work/mosquitto.log" 2>&1 &
	broker=$!
	for _ in $(seq 50); do
		broker_answers && pids+=("$broker") && return
		kill -0 "$broker" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

start_broker() { # on the first free port; sets port
	for port in $(shuf -i 20000-40000 -n 20); do
		sed "s/@PORT@/$port/; s|@WORK@|$work|" deploy/demo/mosquitto.conf >"$work/mosquitto.conf"
		start_broker_on_port && return
	done
	echo "no broker could be started:" >&2
	cat "$work/mosquitto.log" >&2
	exit 69
}

configure() { # learn-rows language [assets file]
	sed -e "s|@PORT@|$port|; s|@WORK@|$work|g; s|@PLUGINS@|$PWD/$O/plugins|; s|@LEARN@|$1|" \
		-e "s|@LANGUAGE@|$2|; s|@MODEL@|$model|; s|@PAGE@|${page_port:-0}|" \
		-e "s|@FAULTS@|$PWD/schemas/faults.cfg|" deploy/demo/millwright.conf >"$work/millwright.conf"
	[ $# -lt 3 ] || cat "$3" >>"$work/millwright.conf"
}

status() { curl -sf --unix-socket "$work/api.sock" http://millwright/v1/status; }
counter() { status | jq ".counters.$1"; }
has_read() { [ "$(counter records)" -ge "$1" ]; }

broker_runs() { [ -n "${broker:-}" ] && kill -0 "$broker" 2>/dev/null; }

# Its state is published after it has subscribed, and our broker, where one runs, takes both in that order.
is_online() { mosquitto_sub -h 127.0.0.1 -p "$port" -t millwright/demo/state -C 1 -W 1 | jq -e .online; }

start_gateway() { # sets gateway
	"$O/millwright" run -c "$work/millwright.conf" 2>>"$work/gateway.log" &
	gateway=$!
	pids+=("$gateway")
	{ wait_for 20 status && { ! broker_runs || wait_for 20 is_online; }; } || {
		cat "$work/gateway.log" >&2
		exit 70
	}
}

subscribe() { # file: every alert as a subscriber with a persistent session receives it
	mosquitto_sub -h 127.0.0.1 -p "$port" -q 1 -c -i "plant-$$" -t 'millwright/demo/alert/#' -F '%p' >>"$1" &
	subscriber=$!
	pids+=("$subscriber")
}
