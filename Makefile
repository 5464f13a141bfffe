# opengatellm: `make demo` shows the main job, `make check` tests in seconds, `make spec FILE=spec/…` runs one spec, `make test` passes every
# test; demo and test install what they need with apt-get where they may. Other targets: all, install, bench, fuzz, soak, lint, format, docs,
# clean.

LUA     ?= lua5.4
PREFIX  ?= /usr/local
WITH_CURL ?= 1
WITH_LLAMA ?= 0
CC      ?= cc
CFLAGS  ?= -O2
WARN     = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes
BUILD    = build

# Where the headers of one Lua are: pkg-config says it where it is installed, else the usual place is tried.
PKG      = $(patsubst luajit%,luajit,$(1))
INCLUDES = $(shell pkg-config --cflags $(PKG) 2>/dev/null || echo -I/usr/include/$(patsubst luajit,luajit-2.1,$(1)))
LUA_VERSION = $(shell $(LUA) -e 'print((_VERSION:gsub("Lua ", "")))')

HEADERS = $(wildcard csrc/*/*.h)
OUT   = $(BUILD)/$(LUA)/opengatellm
MODULES = $(OUT)/core.so $(OUT)/system.so $(if $(filter 1,$(WITH_CURL)),$(OUT)/curl.so) $(if $(filter 1,$(WITH_LLAMA)),$(OUT)/llama.so)

# Objects that know no Lua are built once for all of them: those of the core in objects/core, those beside libcurl in objects/curl. Each
# Lua has its own objects of csrc/lua, in the same two folders of its own. The module that asks the system has its objects where those of
# the core are, for both are plain C99. The module of models in this process, which few want, is built with WITH_LLAMA=1 where pkg-config
# knows libllama; its objects are C11, for its threads share atomics.
CORE_OBJECTS = $(patsubst %.c,$(BUILD)/objects/core/%.o,$(wildcard csrc/core/*.c csrc/protocol/*.c))
CURL_OBJECTS = $(patsubst %.c,$(BUILD)/objects/curl/%.o,csrc/core/buf.c csrc/core/code.c $(wildcard csrc/curl/*.c))
SYSTEM_OBJECTS = $(patsubst %.c,$(BUILD)/objects/core/%.o,csrc/core/code.c $(wildcard csrc/system/*.c))
LLAMA_OBJECTS = $(patsubst %.c,$(BUILD)/objects/llama/%.o,$(patsubst %,csrc/core/%.c,buf code json_write number utf8) $(wildcard csrc/llama/*.c))
SHARED_BINDING = csrc/lua/class.c csrc/lua/header_table.c
CORE_BINDING = $(patsubst %.c,$(BUILD)/$(LUA)/objects/core/%.o,$(SHARED_BINDING) $(wildcard csrc/lua/lua_*.c))
SYSTEM_BINDING = $(patsubst %.c,$(BUILD)/$(LUA)/objects/core/%.o,csrc/lua/class.c $(wildcard csrc/lua/system_*.c))
CURL_BINDING = $(patsubst %.c,$(BUILD)/$(LUA)/objects/curl/%.o,$(SHARED_BINDING) csrc/lua/typed_field.c $(wildcard csrc/lua/curl_*.c))
LLAMA_BINDING = $(patsubst %.c,$(BUILD)/$(LUA)/objects/llama/%.o,csrc/lua/class.c csrc/lua/typed_field.c $(wildcard csrc/lua/llama_*.c))
ifeq ($(WITH_LLAMA),1)
LLAMA_CFLAGS := $(shell pkg-config --cflags llama)
LLAMA_LIBS := $(shell pkg-config --libs llama)
endif

# A module is a shared object; on Darwin it is a bundle, whose Lua functions are those of the program that loads it.
UNAME := $(shell uname)
MODULE = $(if $(filter Darwin,$(UNAME)),-bundle -undefined dynamic_lookup,-shared)

# Objects are built side by side where nobody has said yet how many at once.
JOBS  ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
BESIDE = --no-print-directory -s $(if $(findstring jobserver,$(MAKEFLAGS)),,-j $(JOBS))

LUAS  = $(foreach l,lua5.1 luajit lua5.2 lua5.3 lua5.4,$(if $(shell command -v $(l)),$(l)))
RUN   = LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;" LUA_CPATH="$(CURDIR)/$(BUILD)/$(LUA)/?.so;;"

.PHONY: all modules check spec demo test bench fuzz soak lint format docs install clean units deps-demo deps-test

all:
	@$(MAKE) $(BESIDE) modules

modules: $(MODULES)

$(OUT)/core.so: $(CORE_OBJECTS) $(CORE_BINDING)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MODULE) $^ -o $@ $(LDFLAGS) -lm

$(OUT)/system.so: $(SYSTEM_OBJECTS) $(SYSTEM_BINDING)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MODULE) $^ -o $@ $(LDFLAGS)

$(OUT)/curl.so: $(CURL_OBJECTS) $(CURL_BINDING)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MODULE) $^ -o $@ $(LDFLAGS) -lcurl

$(OUT)/llama.so: $(LLAMA_OBJECTS) $(LLAMA_BINDING)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MODULE) $^ -o $@ $(LDFLAGS) $(LLAMA_LIBS) -lpthread -ldl -lm

$(BUILD)/objects/core/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=c99 $(WARN) -fPIC -c $< -o $@

$(BUILD)/objects/curl/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu99 $(WARN) -fPIC -c $< -o $@

$(BUILD)/objects/llama/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu11 $(WARN) -fPIC $(LLAMA_CFLAGS) -c $< -o $@

$(BUILD)/$(LUA)/objects/core/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=c99 $(WARN) -fPIC $(call INCLUDES,$(LUA)) -c $< -o $@

$(BUILD)/$(LUA)/objects/curl/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu99 $(WARN) -fPIC $(call INCLUDES,$(LUA)) -c $< -o $@

$(BUILD)/$(LUA)/objects/llama/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu11 $(WARN) -fPIC $(LLAMA_CFLAGS) $(call INCLUDES,$(LUA)) -c $< -o $@

# The C units without sanitizers, on the objects that the modules are made of too: all suites but the one of failing allocations.
UNITS = $(filter-out tests/c/test_oom.c,$(wildcard tests/c/test_*.c)) \
  $(patsubst %,tests/c/%.c,main answers check exchange files frames growth journal long_way messages pick walk wire_case)
UNIT_OBJECTS = $(patsubst %.c,$(BUILD)/objects/units/%.o,$(UNITS))

units: $(BUILD)/units

$(BUILD)/units: $(UNIT_OBJECTS) $(CORE_OBJECTS)
	$(CC) $(CFLAGS) $^ -o $@ $(LDFLAGS) -lm

$(BUILD)/objects/units/%.o: %.c $(wildcard tests/c/*.h) $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) -O0 -std=gnu99 $(WARN) -c $< -o $@

# Seconds: the C units, and the specs that need no server and no other program, on one Lua.
check:
	@$(MAKE) $(BESIDE) modules units
	@LUA=$(LUA) BUILD=$(BUILD) sh tests/check.sh

# One file, or folder, on one Lua: make spec FILE=spec/stream_spec.lua LUA=luajit
spec:
	@[ -n "$(FILE)" ] || { echo "usage: make spec FILE=spec/… [LUA=…]" >&2; exit 2; }
	@$(MAKE) $(BESIDE) modules
	@BUILD=$(BUILD) sh tests/spec.sh $(LUA) $(FILE)

deps-demo:
	@sh .ci/deps demo

deps-test:
	@sh .ci/deps test

# The answer of a scripted OpenGateLLM server, streamed over HTTP into the terminal.
demo: deps-demo
	@$(MAKE) $(BESIDE) modules
	@$(RUN) LUA=$(LUA) sh tests/server/demo.sh

# Everything, on every Lua of this machine; the last line is "N passed, N failed, N skipped".
test: deps-test
	@for lua in $(LUAS); do $(MAKE) $(BESIDE) modules LUA=$$lua || exit 1; done
	@LUAS="$(LUAS)" sh tests/run.sh

bench: deps-test
	@for lua in lua5.4 luajit; do $(MAKE) $(BESIDE) modules LUA=$$lua || exit 1; done
	@sh tests/bench/run.sh

# Long runs: SECONDS for each fuzzing target, and every spec under valgrind and with the collector always on.
SECONDS ?= 600
fuzz: deps-test
	@sh tests/fuzz/run.sh $(SECONDS)

soak: deps-test
	@for lua in $(LUAS); do $(MAKE) $(BESIDE) modules LUA=$$lua || exit 1; done
	@LUAS="$(LUAS)" sh tests/soak.sh

lint: deps-test
	@sh .ci/lint

format:
	clang-format -i $$(git ls-files 'csrc/*.[ch]' 'tests/*.[ch]')

# docs/operations.md and the types for language servers, from the rows of the operations.
docs: modules
	@$(RUN) $(LUA) docs/generate.lua

SHARE = $(DESTDIR)$(PREFIX)/share/lua/$(LUA_VERSION)
LIB   = $(DESTDIR)$(PREFIX)/lib/lua/$(LUA_VERSION)

# POSIX tools only: `install -D` and `sed -i` are not everywhere.
install: all
	@set -e; cd lua && find opengatellm -name '*.lua' | while read -r f; do \
	  mkdir -p "$(SHARE)/$${f%/*}"; cp "$$f" "$(SHARE)/$$f"; chmod 644 "$(SHARE)/$$f"; done
	@mkdir -p "$(LIB)/opengatellm" "$(DESTDIR)$(PREFIX)/bin"
	@set -e; for f in $(notdir $(MODULES)); do \
	  rm -f "$(LIB)/opengatellm/$$f"; cp "$(OUT)/$$f" "$(LIB)/opengatellm/$$f"; chmod 755 "$(LIB)/opengatellm/$$f"; done
	@sed '1s|.*|#!/usr/bin/env $(LUA)|' bin/ogl >"$(DESTDIR)$(PREFIX)/bin/ogl"
	@chmod 755 "$(DESTDIR)$(PREFIX)/bin/ogl"
	@echo "installed for Lua $(LUA_VERSION) under $(PREFIX)"

clean:
	rm -rf $(BUILD)
