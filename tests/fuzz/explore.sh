#!/bin/sh
# make fuzz: explores one target with libFuzzer, from its corpus, and keeps what is new in build-fuzz/.
#   FUZZ=gguf|tokenizer|schema|json|conf|spool|state|baseline|asset|command  SECONDS=60
set -eu
target=${FUZZ:-gguf} seconds=${SECONDS_TO_RUN:-${SECONDS:-60}}
[ "$seconds" -gt 0 ] 2>/dev/null || seconds=60
deploy/deps.sh clang libclang-rt-14-dev
make --no-print-directory O=build-fuzz CC=clang \
	CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -Wno-unknown-warning-option' \
	"build-fuzz/obj/tests/fuzz/fuzz_$target.o" build-fuzz/libmw-io.a build-fuzz/libmw-core.a \
	build-fuzz/libmw-corpus.a build-fuzz/libmillwright-lm.a
clang -fsanitize=fuzzer,address,undefined -rdynamic -o "build-fuzz/fuzz_$target" \
	"build-fuzz/obj/tests/fuzz/fuzz_$target.o" build-fuzz/libmw-io.a build-fuzz/libmw-core.a \
	build-fuzz/libmw-corpus.a build-fuzz/libmillwright-lm.a \
	-lpaho-mqtt3as -lsqlite3 -lconfig -ljansson -lmicrohttpd -lcurl -ldl -lpthread -lm
mkdir -p "build-fuzz/found/$target"
"build-fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
	"build-fuzz/found/$target" "tests/fuzz/corpus/$target"
