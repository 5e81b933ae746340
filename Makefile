# Millwright: `make help` lists the targets.
#
#   V=1          show the commands
#   SAN=asan     build with AddressSanitizer + UBSan into build-asan/  (SAN=tsan: ThreadSanitizer)
#   O=DIR        build into DIR

V     ?= 0
SAN   ?=
O     ?= build$(if $(SAN),-$(SAN))
CC    ?= cc
Q      = $(if $(filter 1,$(V)),,@)
say    = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

VERSION := 0.1.0
PREFIX  ?= /usr/local
PKGS     = libpaho-mqtt-dev libsqlite3-dev libconfig-dev libjansson-dev libmicrohttpd-dev \
	   libcurl4-openssl-dev check pkg-config mosquitto mosquitto-clients python3-jsonschema python3-yaml \
	   python3-numpy uthash-dev jq curl sqlite3 mandoc bsdextrautils gcc make \
	   gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
BROWSER_PKGS = chromium chromium-driver fonts-noto-cjk
EVAL_PKGS = python3-numpy python3-sklearn

WARN     = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wpointer-arith -Wundef -Wvla
SAN_asan = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_tsan = -fsanitize=thread -fno-omit-frame-pointer
CFLAGS  ?= -O2 -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. -DMW_VERSION='"$(VERSION)"' $(WARN) -fPIC \
	   -fvisibility=hidden -ffp-contract=off -fstack-protector-strong $(CFLAGS) $(SAN_$(SAN))
ALL_LDFLAGS = $(LDFLAGS) $(SAN_$(SAN))
# One line per foreign library; tests/lint/includes.sh says which file may include it.
LIBS     = -lpaho-mqtt3as -lsqlite3 -lconfig -ljansson -lmicrohttpd -lcurl -ldl -lpthread -lm

lib_src  = $(wildcard $(1)/*.c)
obj      = $(patsubst %.c,$(O)/obj/%.o,$(1))
LM_OBJ     := $(call obj,$(call lib_src,model/engine))
CORPUS_OBJ := $(call obj,$(call lib_src,model/corpus))
CORE_OBJ   := $(call obj,$(call lib_src,gateway/base) $(call lib_src,gateway/core))
IO_OBJ     := $(call obj,$(call lib_src,gateway/io)) $(O)/obj/schemas/store_sql.o $(O)/obj/gateway/page/page_files.o
APP_OBJ    := $(call obj,$(call lib_src,gateway/app))
TOOL_SRC   := $(wildcard gateway/tools/*.c)
TOOLS      := $(patsubst gateway/tools/%.c,$(O)/mw-%,$(TOOL_SRC))
PLUGINS    := $(patsubst plugins/%.c,$(O)/plugins/%.so,$(wildcard plugins/*.c))
TEST_SRC   := $(wildcard tests/unit/test_*.c tests/contract/test_*.c)
TESTS      := $(patsubst tests/%.c,$(O)/tests/%,$(TEST_SRC))
FUZZ_SRC   := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_REPLAY := $(patsubst tests/fuzz/%.c,$(O)/tests/replay/%,$(FUZZ_SRC))
BENCH_SRC  := $(wildcard tests/bench/bench_*.c)
BENCHES    := $(patsubst tests/bench/%.c,$(O)/bench/%,$(BENCH_SRC))
LIBRARIES  := $(O)/libmw-app.a $(O)/libmw-io.a $(O)/libmw-core.a $(O)/libmw-corpus.a $(O)/libmillwright-lm.a

.PHONY: all help
all: $(O)/millwright $(TOOLS) $(PLUGINS) $(O)/libmillwright-lm.a $(O)/libmillwright-lm.so ## build everything (default)

help: ## list the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

# --- compile ---------------------------------------------------------------------------------------
MACHINE := $(shell uname -m)
ifeq ($(MACHINE),x86_64)
$(O)/obj/model/engine/%_avx2.o: ALL_CFLAGS += -mavx2 -mfma -mf16c
$(O)/obj/model/engine/%_avxvnni.o: ALL_CFLAGS += -mavx2 -mfma -mf16c -mavxvnni
$(O)/obj/model/engine/%_avx512vnni.o: ALL_CFLAGS += -mavx512f -mavx512bw -mavx512vl -mavx512vnni -mfma -mf16c
endif

$(O)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# The store's migrations, embedded: each schemas/store_NNNN.sql is one string, in order, NULL at the end.
SQL := $(sort $(wildcard schemas/store_*.sql))
$(O)/obj/schemas/store_sql.c: $(SQL)
	$(call say,EMBED,$(SQL))
	@mkdir -p $(@D)
	$(Q)awk 'BEGIN { print "#include \"gateway/io/store_impl.h\"\nconst char *const store_sql[] = {" } \
		FNR == 1 && NR > 1 { print "," } \
		{ gsub(/[\\"]/, "\\\\&"); print "\"" $$0 "\\n\"" } \
		END { print ", 0};" }' $(SQL) > $@
$(O)/obj/schemas/store_sql.o: $(O)/obj/schemas/store_sql.c
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# The operator page, embedded: each file of gateway/page with its type and a tag of its content.
PAGE := $(sort $(wildcard gateway/page/*.html gateway/page/*.css gateway/page/*.js gateway/page/*.svg))
$(O)/obj/gateway/page/page_files.c: $(PAGE) gateway/page/embed.sh
	$(call say,EMBED,$(PAGE))
	@mkdir -p $(@D)
	$(Q)gateway/page/embed.sh $(PAGE) > $@
$(O)/obj/gateway/page/page_files.o: $(O)/obj/gateway/page/page_files.c
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define archive
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
endef
$(O)/libmillwright-lm.a: $(LM_OBJ)
	$(archive)
$(O)/libmillwright-lm.so: $(LM_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,libmillwright-lm.so.0 -o $@ $^ $(ALL_LDFLAGS) -lpthread -lm
$(O)/libmw-corpus.a: $(CORPUS_OBJ)
	$(archive)
$(O)/libmw-core.a: $(CORE_OBJ)
	$(archive)
$(O)/libmw-io.a: $(IO_OBJ)
	$(archive)
$(O)/libmw-app.a: $(filter-out %/main.o,$(APP_OBJ))
	$(archive)

$(O)/millwright: $(O)/obj/gateway/app/main.o $(LIBRARIES)
	$(call say,LINK,$@)
	$(Q)$(CC) -rdynamic -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(O)/mw-%: $(O)/obj/gateway/tools/%.o $(O)/libmw-core.a $(O)/libmw-corpus.a $(O)/libmillwright-lm.a
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) -lpthread -lm

$(O)/plugins/%.so: $(O)/obj/plugins/%.o
	$(call say,PLUGIN,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-soname,$*.so -Wl,--no-undefined -o $@ $< $(ALL_LDFLAGS) $(PLUGIN_LIBS_$*) -lm
PLUGIN_LIBS_json = -ljansson

# --- tests -----------------------------------------------------------------------------------------
$(O)/tests/%: $(O)/obj/tests/%.o $(LIBRARIES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -rdynamic -o $@ $^ $(ALL_LDFLAGS) -lcheck -lsubunit -lrt $(LIBS)

# A fuzz target is one file with LLVMFuzzerTestOneInput; here it is linked with a driver that replays
# tests/fuzz/corpus/<name>/ once, so the corpus is a plain test.  `make fuzz` explores with libFuzzer.
$(O)/tests/replay/%: $(O)/obj/tests/fuzz/%.o $(O)/obj/tests/fuzz/replay_main.o $(LIBRARIES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -rdynamic -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(O)/bench/%: $(O)/obj/tests/bench/%.o $(LIBRARIES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -rdynamic -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

.PHONY: deps test test-programs asan tsan lint bench eval install clean demo fuzz format
test-programs: all $(TESTS) $(FUZZ_REPLAY) $(O)/tests/fuzz/seeds $(O)/bench/make_model $(O)/tests/contract/schema_write

test: deps ## unit, contract, fuzz-corpus and end-to-end tests
	@$(MAKE) --no-print-directory test-programs
	@O=$(O) tests/run.sh

asan: deps ## the tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory SAN=asan test-programs
	@O=build-asan tests/run.sh

# What starts threads: spool, store, API, MQTT, sessions that share a model, and the daemon itself.
THREADED = unit/test_(spool|store|lm)|contract/test_(http|page|mqtt|alerts|commands)|e2e/
tsan: deps ## the tests that use threads under ThreadSanitizer
	@$(MAKE) --no-print-directory SAN=tsan test-programs
	@O=build-tsan ONLY='$(THREADED)' TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp tests/run.sh

lint: ## format, static analysis, include directions, size report
	@tests/lint/run.sh

format: ## rewrite the C files by .clang-format
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

bench: all $(BENCHES) $(O)/bench/plant_load ## measured speeds of this machine
	@O=$(O) tests/bench/run.sh

# EVAL_FLAGS: --series 1200, --jobs 1, ...: see model/eval/run.py
DATA    ?= ../shared/data
MODEL   ?= model/weights/millwright-nano.gguf
SECTION ?=
EVAL_FLAGS ?=
eval: deps ## measure accuracy over DATA into model/RESULTS.md (SECTION=skab: one section)
	@deploy/deps.sh $(EVAL_PKGS)
	@$(MAKE) --no-print-directory all
	@/usr/bin/python3 -m model.eval.run --data $(DATA) --build $(O) --model $(MODEL) \
		$(addprefix --section ,$(SECTION)) $(EVAL_FLAGS)

demo: ## a plant in a box: broker, gateway, machines, alerts, the operator page
	@deploy/deps.sh $(PKGS)
	@$(MAKE) --no-print-directory all
	@O=$(O) deploy/demo/demo.sh

deps: ## install the Debian packages that build and tests need
	@deploy/deps.sh $(PKGS) $(BROWSER_PKGS)

fuzz: ## explore with libFuzzer (FUZZ=gguf SECONDS=60)
	@tests/fuzz/explore.sh

install: all ## install below $(DESTDIR)$(PREFIX)
	install -D -m 755 $(O)/millwright $(DESTDIR)$(PREFIX)/bin/millwright
	install -d $(DESTDIR)$(PREFIX)/lib/millwright/plugins $(DESTDIR)$(PREFIX)/share/millwright
	install -m 644 $(PLUGINS) $(DESTDIR)$(PREFIX)/lib/millwright/plugins/
	install -m 644 model/weights/*.gguf schemas/faults.cfg $(DESTDIR)$(PREFIX)/share/millwright/
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/millwright/profiles schemas/profiles/*.cfg
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 deploy/man/*.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 deploy/man/*.5
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man3 deploy/man/*.3
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include model/engine/millwright_lm.h
	install -D -m 644 $(O)/libmillwright-lm.a $(DESTDIR)$(PREFIX)/lib/libmillwright-lm.a
	install -D -m 755 $(O)/libmillwright-lm.so $(DESTDIR)$(PREFIX)/lib/libmillwright-lm.so.0
	ln -sf libmillwright-lm.so.0 $(DESTDIR)$(PREFIX)/lib/libmillwright-lm.so
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' deploy/millwright-lm.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/millwright-lm.pc
	install -D -m 644 deploy/completion/millwright.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/millwright

clean: ## remove what was built
	rm -rf build build-asan build-tsan

.SECONDARY:
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
