# waybill: two programs, build/waybill and build/waybill-mock. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

MODE ?= release
CC := gcc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

B := build/$(MODE)
PACKAGES := libcurl >= 7.80, jansson >= 2.13, libmicrohttpd >= 0.9.70, sqlite3 >= 3.37, \
	libfyaml >= 0.7.12, libarchive >= 3.4, libpcre2-8 >= 10.30, nettle >= 3.4, gnutls >= 3.6
PKGS := libcurl jansson libmicrohttpd sqlite3 libfyaml libarchive libpcre2-8 nettle gnutls

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wcast-qual -Wvla -Wundef \
	-Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -fno-common
VERSION := 0.1.0

OPT_release := -O2 -g -D_FORTIFY_SOURCE=2
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# gcc 12's leak check falls over the thread-local storage of a library that came late.
LIBS_asan := -Wl,--push-state,--no-as-needed -lgnutls -Wl,--pop-state
OPT_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPT_cov := -O0 -g --coverage
# The fuzzers are clang's; the flags that only gcc's front end is tuned for stay with gcc.
OPT_fuzz := -O1 -g -gdwarf-4 -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=fuzzer-no-link,address,undefined
ifeq ($(MODE),fuzz)
CC := clang-14
endif
WERROR ?= $(if $(CI),-Werror,)

CPPFLAGS_ALL = -D_GNU_SOURCE -DWAYBILL_VERSION='"$(VERSION)"' -Iharness -I. $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL = -std=c17 $(WARN) $(WERROR) $(OPT_$(MODE)) $(CFLAGS)
LDFLAGS_ALL = $(OPT_$(MODE)) -Wl,--as-needed $(LDFLAGS)

ifneq ($(filter-out help clean deps format,$(or $(MAKECMDGOALS),all)),)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -ljq -lonig -lwslay -lpthread -lm $(LIBS_$(MODE))
endif

HARNESS_SRC := $(wildcard harness/*/*.c reports/*.c)
HARNESS_SRC := $(filter-out harness/tests/% harness/fuzz/%,$(HARNESS_SRC))
MOCK_SRC := $(wildcard mocks/*/*.c)
MOCK_SRC := $(filter-out mocks/tests/%,$(MOCK_SRC))
TEST_SRC := $(wildcard harness/tests/test_*.c mocks/tests/test_*.c reports/tests/test_*.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))
HARNESS_LIB := $(B)/libwaybill.a
MOCK_LIB := $(B)/libmock.a
TESTS := $(patsubst %.c,$(B)/%,$(TEST_SRC))
FUZZ_SRC := $(wildcard harness/fuzz/fuzz_*.c)
FUZZ := $(patsubst harness/fuzz/fuzz_%.c,$(B)/harness/fuzz/%,$(FUZZ_SRC))
ALL_SRC := harness/main.c mocks/main.c $(HARNESS_SRC) $(MOCK_SRC) $(TEST_SRC) $(FUZZ_SRC)
-include $(patsubst %.c,$(B)/%.d,$(ALL_SRC))

# Everything outside base/ is compiled with the list of banned functions.
bans = $(if $(filter harness/base/%,$(1)),,-include harness/base/banned.h)

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(if $(filter 0,$(V)),@echo "  CC    $<")
	$(Q)$(CC) $(CPPFLAGS_ALL) $(call bans,$<) $(CFLAGS_ALL) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

# What EMBED puts into a program, which the compiler's list of headers does not name.
$(B)/reports/html.o: reports/web/style.css
$(B)/reports/store.o: reports/schema.sql reports/schema_2.sql

# Rebuild everything when the flags change.
$(B)/flags: FORCE
	@$(PKG_CONFIG) --exists "$(PACKAGES)" 2>/dev/null || { \
		$(PKG_CONFIG) --print-errors --exists "$(PACKAGES)" >&2 || true; \
		echo "make: a library is missing or too old: 'ci/install-deps run' installs Debian's" >&2; \
		exit 2; }
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LIBS_$(MODE)))' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:
.PHONY: FORCE

$(HARNESS_LIB): $(call obj,$(HARNESS_SRC))
	$(Q)rm -f $@; ar qcs $@ $^
$(MOCK_LIB): $(call obj,$(MOCK_SRC))
	$(Q)rm -f $@; ar qcs $@ $^
$(B)/waybill: $(B)/harness/main.o $(HARNESS_LIB)
	$(if $(filter 0,$(V)),@echo "  LD    $@")
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)
$(B)/waybill-mock: $(B)/mocks/main.o $(MOCK_LIB) $(HARNESS_LIB)
	$(if $(filter 0,$(V)),@echo "  LD    $@")
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)
$(TESTS): $(B)/%: $(B)/%.o $(MOCK_LIB) $(HARNESS_LIB)
	$(if $(filter 0,$(V)),@echo "  LD    $@")
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(PKG_LIBS)
$(FUZZ): $(B)/harness/fuzz/%: $(B)/harness/fuzz/fuzz_%.o $(MOCK_LIB) $(HARNESS_LIB)
	$(if $(filter 0,$(V)),@echo "  LD    $@")
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

.PHONY: all help programs tests
all: programs build/man/waybill.1 ## build the two programs and the manual pages (default)
programs: $(B)/waybill $(B)/waybill-mock
	@ln -sfn $(MODE)/waybill build/waybill; ln -sfn $(MODE)/waybill-mock build/waybill-mock
# One page for the program and one for each command, from the tables of options.
build/man/waybill.1: $(B)/waybill
	@mkdir -p build/man
	$(if $(filter 0,$(V)),@echo "  MAN   build/man")
	$(Q)for c in $$($< --help | sed -nE '/^commands:/,/^$$/s/^  ([a-z-]+) .*/\1/p'); do \
		$< man "$$c" >"build/man/waybill-$$c.1"; done
	$(Q)$< man >$@
tests: programs $(TESTS) ## build the test programs

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# ---- the two commands ---------------------------------------------------------------

REPORTS := --junit build/reports/junit.xml --markdown build/reports/summary.md \
	--html build/reports/index.html

.PHONY: run test check lint format deps
run: ## install what is missing, build, run the gate on the mock platform, write reports
	@ci/install-deps run
	@$(MAKE) --no-print-directory programs
	@mkdir -p build/reports
	@build/waybill run --tags gate --db build/results.db $(REPORTS)

SCRIPT_TESTS := $(wildcard harness/tests/*.test mocks/tests/*.test reports/tests/*.test ci/tests/*.test)
test: ## install what is missing, build, run all tests
	@ci/install-deps test
	@$(MAKE) --no-print-directory tests
	@MODE=$(MODE) ci/run-tests $(TESTS) $(SCRIPT_TESTS)

# Called with MODE=asan: the same programs, the same tests. With MODE=tsan the scripts where
# much happens at once: a process of ours is one thread, and what scripts find else is not
# what this sanitizer looks for.
tsan: SCRIPT_TESTS := $(addprefix harness/tests/,contract.test interrupt.test kill.test \
	mcp-scenarios.test) $(addprefix mocks/tests/,abuse.test clients.test \
	control-plane.test faults.test http-manners.test isolation.test later.test)
asan: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory MODE=asan test-mode
tsan: ## the tests of what happens at once, under ThreadSanitizer
	@$(MAKE) --no-print-directory MODE=tsan SCRIPT_TESTS="$(SCRIPT_TESTS)" test-mode
.PHONY: asan tsan test-mode
SAN_ENV := ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 \
	TSAN_OPTIONS=io_sync=0:halt_on_error=1 TIMEOUT_MUL=4
test-mode: tests
	@$(SAN_ENV) MODE=$(MODE) ci/run-tests $(TESTS) $(SCRIPT_TESTS)

# ---- the official suite ---------------------------------------------------------------

# The runs that must be red say nothing about the build: with the release build only.
.PHONY: conformance
conformance: ## the official MCP suite against our servers and our client
	@ci/install-deps test
	@$(MAKE) --no-print-directory programs
	@$(SAN_ENV) MODE=$(MODE) ci/conformance $(if $(filter-out release,$(MODE)),server client)

# ---- checks -------------------------------------------------------------------------

C_FILES = $(shell git ls-files '*.c' '*.h' 2>/dev/null)
.PHONY: check-format check-tidy tidy-files check-cppcheck check-layers check-headers
check: lint check-layers check-headers ## all static checks
lint: check-format check-cppcheck check-tidy ## formatting, cppcheck, clang-tidy
format: ## format every C file
	clang-format-14 -i $(C_FILES)
check-format:
	@clang-format-14 --dry-run -Werror $(C_FILES)
check-cppcheck:
	@mkdir -p build/cppcheck
	@cppcheck --enable=warning,style,performance,portability --std=c11 --inline-suppr --quiet \
		--error-exitcode=2 --cppcheck-build-dir=build/cppcheck -j 2 --suppressions-list=ci/cppcheck.suppressions \
		-D_GNU_SOURCE -DWAYBILL_VERSION='"x"' -Iharness -I. $(shell git ls-files '*.c' ':!*/tests/*')
# One process a file, two at once; a file is looked at again when it, a header of it or the
# list of checks has changed.
TIDY_OK = $(patsubst %.c,build/tidy/%.ok,$(filter-out harness/fuzz/%,$(filter %.c,$(C_FILES))))
TIDY_FLAGS = -std=c17 -D_GNU_SOURCE -DWAYBILL_VERSION='"x"' -Iharness -I. $(PKG_CFLAGS)
check-tidy:
	@$(MAKE) --no-print-directory -k -j2 tidy-files
tidy-files: $(TIDY_OK)
build/tidy/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	@$(CC) $(TIDY_FLAGS) -MM -MP -MT $@ -MF $(@:.ok=.d) $<
	@clang-tidy-14 --quiet $< --extra-arg=-Wno-unknown-warning-option -- $(TIDY_FLAGS) \
		>$(@:.ok=.log) 2>&1 || { cat $(@:.ok=.log); exit 1; }
	@if grep -E '(error|warning):' $(@:.ok=.log); then exit 1; fi; touch $@
ifneq ($(filter tidy-files,$(MAKECMDGOALS)),)
-include $(TIDY_OK:.ok=.d)
endif
check-layers:
	@ci/check-layers
check-headers:
	@ci/check-headers

deps: ## install what the build, the tests and the checks need
	@ci/install-deps check

# ---- fuzzing --------------------------------------------------------------------------

MINUTES ?= 10
.PHONY: fuzz fuzz-build fuzz-targets check-fuzz
fuzz-build: ## build the fuzz targets (build/fuzz/harness/fuzz/)
	@$(MAKE) --no-print-directory MODE=fuzz fuzz-targets
fuzz-targets: $(FUZZ)
check-fuzz: fuzz-build ## every fuzz target over its kept corpus
	@ci/fuzz kept
fuzz: fuzz-build ## fuzz MINUTES (10) in all, each target in turn; finds go to build/fuzz/
	@ci/fuzz $(MINUTES)

# ---- measurements ---------------------------------------------------------------------

N ?= 100
.PHONY: soak
soak: programs ## run the gate N times (N=100) and count what was not green
	@ci/soak $(N)
ORGS ?= 200
WORKSPACES ?= 5
PACE ?= 0.5
.PHONY: scale
scale: programs ## ORGS (200) organisations of WORKSPACES (5) at once, at PACE (0.5)
	@ci/scale --mock $(B)/waybill-mock --orgs $(ORGS) --workspaces $(WORKSPACES) --pace $(PACE)
.PHONY: bench-mock
bench-mock: ## the mock platform beside nginx and an npm mock: speed, start, memory
	@ci/install-deps bench
	@$(MAKE) --no-print-directory MODE=release programs
	@ci/install-node bench/node
	@ci/bench/mock
.PHONY: bench-mcp
bench-mcp: ## our MCP server beside servers on the official SDK: start, calls a second
	@ci/install-deps bench
	@$(MAKE) --no-print-directory MODE=release programs
	@ci/install-node mcp
	@ci/bench/mcp

# ---- installation ---------------------------------------------------------------------

DATA := $(DESTDIR)$(PREFIX)/share/waybill
.PHONY: install uninstall clean
install: all ## install to PREFIX (default /usr/local), below DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DATA)/mocks
	install -m 755 $(B)/waybill $(B)/waybill-mock $(DESTDIR)$(PREFIX)/bin/
	cp -R scenarios $(DATA)/
	cp -R mocks/catalog mocks/contracts $(DATA)/mocks/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 build/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/waybill $(DESTDIR)$(PREFIX)/bin/waybill-mock
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/waybill*.1
	rm -rf $(DATA)
clean: ## remove build/
	rm -rf build
