#!/bin/sh
# Dependencies point down only, and each foreign library is known to its own files alone.
set -u
status=0

# forbid WHERE PATTERN MESSAGE: no file below WHERE may include a header that matches PATTERN.
forbid() {
	found=$(git ls-files "$1" | grep -E '\.[ch]$' | xargs grep -nE "^#include [<\"]($2)" /dev/null)
	[ -z "$found" ] && return
	printf '%s\n' "$found" | sed "s|^|$3: |"
	status=1
}

# only LIBRARY-HEADERS FILES...: these headers appear in these files (patterns) alone.
only() {
	header=$1
	shift
	allowed=$(IFS='|' && echo "$*")
	found=$(git ls-files '*.c' '*.h' | grep -vE "^($allowed)\$" |
		xargs grep -nE "^#include [<\"]($header)" /dev/null)
	[ -z "$found" ] && return
	printf '%s\n' "$found" | sed 's|^|a foreign library outside its file: |'
	status=1
}

forbid model 'gateway/|plugins/' 'model/ must not know the gateway'
forbid plugins 'gateway/|model/' 'a plugin knows mw_plugin.h alone'
forbid gateway/base 'gateway/(core|io|app)|model/' 'base knows nothing above it'
forbid gateway/core 'gateway/(io|app)' 'core knows no I/O'
forbid gateway/core 'pthread\.h|time\.h|unistd\.h|fcntl\.h|sys/|stdatomic\.h|gateway/base/(clock|log)\.h' \
	'core does no I/O, starts no thread, reads no clock'
forbid gateway/io 'gateway/app' 'io knows nothing of the app'
forbid model/engine 'model/(corpus|train)' 'the engine stands alone'

only 'MQTT' 'gateway/io/mqtt.*\.[ch]' 'tests/.*'
only 'sqlite3' 'gateway/io/store.*\.[ch]' 'tests/.*'
only 'libconfig' 'gateway/io/conf.*\.[ch]' 'tests/.*'
only 'microhttpd' 'gateway/io/http\.c'
only 'curl/' 'gateway/io/client\.c'
only 'dlfcn' 'gateway/io/plugin_host\.c'
only 'jansson' 'gateway/io/json.*\.c' 'plugins/json\.c' 'tests/.*'
exit $status
