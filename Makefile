# opengatellm: `make demo` shows the main job, `make test` passes the tests; both install what they need with apt-get where they may.
# Other targets: all, install, bench, fuzz, soak, lint, format, docs, clean.

LUA     ?= lua5.4
PREFIX  ?= /usr/local
WITH_CURL ?= 1
CC      ?= cc
CFLAGS  ?= -O2
WARN     = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes
BUILD    = build

# Where the headers of one Lua are: pkg-config says it where it is installed, else the usual place is tried.
PKG      = $(patsubst luajit%,luajit,$(1))
INCLUDES = $(shell pkg-config --cflags $(PKG) 2>/dev/null || echo -I/usr/include/$(patsubst luajit,luajit-2.1,$(1)))
LUA_VERSION = $(shell $(LUA) -e 'print((_VERSION:gsub("Lua ", "")))')

CORE  = $(wildcard csrc/core/*.c csrc/protocol/*.c)
CURL  = csrc/core/buf.c csrc/core/code.c $(wildcard csrc/curl/*.c) csrc/lua/class.c csrc/lua/header_table.c $(wildcard csrc/lua/curl_*.c)
BIND  = $(CORE) csrc/lua/class.c csrc/lua/header_table.c $(wildcard csrc/lua/lua_*.c)
HEADERS = $(wildcard csrc/*/*.h)
OUT   = $(BUILD)/$(LUA)/opengatellm
MODULES = $(OUT)/core.so $(if $(filter 1,$(WITH_CURL)),$(OUT)/curl.so)

LUAS  = $(foreach l,lua5.1 luajit lua5.2 lua5.3 lua5.4,$(if $(shell command -v $(l)),$(l)))
RUN   = LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;" LUA_CPATH="$(CURDIR)/$(BUILD)/$(LUA)/?.so;;"

.PHONY: all modules demo test bench fuzz soak lint format docs install clean deps-demo deps-test

all: modules

modules: $(MODULES)

# The modules are linked at once from all their sources: they are small, and one command is what a rockspec does too.
$(OUT)/core.so: $(BIND) $(HEADERS) Makefile
	@mkdir -p $(OUT)
	$(CC) $(CFLAGS) -std=c99 $(WARN) -fPIC -shared $(call INCLUDES,$(LUA)) $(BIND) -o $@ $(LDFLAGS) -lm

$(OUT)/curl.so: $(CURL) $(HEADERS) Makefile
	@mkdir -p $(OUT)
	$(CC) $(CFLAGS) -std=gnu99 $(WARN) -fPIC -shared $(call INCLUDES,$(LUA)) $(CURL) -o $@ $(LDFLAGS) -lcurl

deps-demo:
	@sh .ci/deps demo

deps-test:
	@sh .ci/deps test

# The answer of a scripted OpenGateLLM server, streamed over HTTP into the terminal.
demo: deps-demo
	@$(MAKE) --no-print-directory -s modules
	@$(RUN) LUA=$(LUA) sh tests/server/demo.sh

# Everything, on every Lua of this machine; the last line is "N passed, N failed, N skipped".
test: deps-test
	@for lua in $(LUAS); do $(MAKE) --no-print-directory -s modules LUA=$$lua || exit 1; done
	@LUAS="$(LUAS)" sh tests/run.sh

bench: deps-test
	@for lua in lua5.4 luajit; do $(MAKE) --no-print-directory -s modules LUA=$$lua || exit 1; done
	@sh tests/bench/run.sh

# Long runs: SECONDS for each fuzzing target, and every spec under valgrind and with the collector always on.
SECONDS ?= 600
fuzz: deps-test
	@sh tests/fuzz/run.sh $(SECONDS)

soak: deps-test
	@for lua in $(LUAS); do $(MAKE) --no-print-directory -s modules LUA=$$lua || exit 1; done
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

install: modules
	@set -e; cd lua && find opengatellm -name '*.lua' | while read -r f; do install -D -m 644 "$$f" "$(SHARE)/$$f"; done
	@set -e; for f in $(notdir $(MODULES)); do install -D -m 755 $(OUT)/$$f $(LIB)/opengatellm/$$f; done
	@install -D -m 755 bin/ogl $(DESTDIR)$(PREFIX)/bin/ogl
	@sed -i '1s|.*|#!/usr/bin/env $(LUA)|' $(DESTDIR)$(PREFIX)/bin/ogl
	@echo "installed for Lua $(LUA_VERSION) under $(PREFIX)"

clean:
	rm -rf $(BUILD)
