# klipkit: sets up what it needs on a bare Debian-like machine, then builds, tests, installs. `make help` lists the targets.

PYTHON ?= python3
PREFIX ?= /usr/local
DESTDIR ?=
DEST = $(DESTDIR)$(PREFIX)
COMPLETIONS := bash-completion/completions zsh/site-functions fish/vendor_completions.d
BIN := .venv/bin
SETUP := .venv/.set-up
CFLAGS_C := -std=c11 -g -O1 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wundef -Werror
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# Debian packages; each is named with its reason in README.md.
SYSTEM_PACKAGES := gcc libc6-dev python3 python3-venv python3-dev umockdev valgrind groff-base \
    gcc-avr avr-libc libsimavr-dev libelf-dev avrdude bossa-cli dfu-util stm32flash teensy-loader-cli \
    arduino-core-avr gir1.2-umockdev-1.0 python3-gi
# Packages whose files alone are needed, unpacked into build/packages: what they depend on is large.
UNPACKED_PACKAGES := arduino-mighty-1284p

# Besides these, for `make long` only: libFuzzer.
LONG_PACKAGES := clang libclang-rt-dev

CORE_SOURCES = $(wildcard klipkit/*/*.c) $(CORE_HEADERS) klipkit/core_build.py
CORE_HEADERS := $(wildcard klipkit/*/*.h) $(wildcard klipkit/*/inner/*.h) firmware/ports/sim/abi.h
CORE_OBJECTS := $(patsubst klipkit/%.c,build/c/core/%.o,$(wildcard klipkit/*/*.c))
C_TESTS := $(patsubst tests/c/%.c,build/c/%,$(wildcard tests/c/test_*.c))

export PYTHONDONTWRITEBYTECODE :=
.DEFAULT_GOAL := help
.PHONY: firmware help setup system-packages run test check c-tests format lint types tests long bench clients man accept wheel install clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: $(SETUP) ## system packages, virtual environment, C core

system-packages:
	@sh tests/system-packages $(SYSTEM_PACKAGES)
	@for name in $(UNPACKED_PACKAGES); do sh tests/unpacked-package $$name build/packages; done

$(SETUP): setup.cfg setup.py pyproject.toml $(CORE_SOURCES) | system-packages
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	$(BIN)/python -m compileall -q klipkit
	@touch $@

run: $(SETUP) ## see it work: a part is printed on a simulated printer, and drawn; the serial ports of this computer; pins
	@mkdir -p build
	bin/klipkit simulate config-examples/token.gcode -c config-examples/cartesian.cfg --mcu atmega2560 --plot build/token.png
	@echo "build/token.png shows the printed path, from the steps of the simulated motors"
	bin/klipkit ports || true
	bin/klipkit pins list --board mega

test: check ## everything that CI runs
	$(BIN)/pytest -q -m 'not long' tests/integration
	@echo "make test: all green"

check: $(SETUP) firmware format lint types c-tests ## format, lint, types, floors, unit and golden tests, C tests (under two minutes)
	$(BIN)/pytest -q -m 'not long' tests/unit tests/golden

format: $(SETUP)
	$(BIN)/ruff format --check .

lint: $(SETUP)
	$(BIN)/ruff check .

types: $(SETUP)
	$(BIN)/mypy

c-tests: $(C_TESTS) ## the C tests under the address and undefined-behaviour sanitizers
	@set -e; for test in $^; do $$test; done

build/c/test_%: tests/c/test_%.c build/c/core.a $(wildcard tests/c/*.h) build/c/fake_firmware.so
	gcc $(CFLAGS_C) $(SANITIZE) -I. -o $@ $< build/c/core.a -lm -lpthread -ldl

build/c/core.a: $(CORE_OBJECTS)
	rm -f $@
	ar rcs $@ $^

build/c/core/%.o: klipkit/%.c $(CORE_HEADERS) | system-packages
	@mkdir -p $(@D)
	gcc $(CFLAGS_C) $(SANITIZE) -I. -c -o $@ $<

build/c/fake_firmware.so: tests/c/fake_firmware.c firmware/ports/sim/abi.h | system-packages
	@mkdir -p $(@D)
	gcc $(CFLAGS_C) -I. -shared -fPIC -fvisibility=hidden -o $@ $<

firmware: | system-packages ## the firmware of the simulated microcontroller
	$(MAKE) --no-print-directory -C firmware PORT=sim

long: $(SETUP) ## the long tests
	@sh tests/system-packages $(LONG_PACKAGES)
	$(BIN)/pytest -q -m long tests

bench: $(SETUP) ## the benchmark table: ratios and counts
	$(BIN)/python -m compileall -q klipkit
	$(BIN)/python -m tests.bench.startup
	$(BIN)/python -m tests.bench.daemon
	$(BIN)/python -m tests.bench.motion
	$(BIN)/python -m tests.bench.avr_steps
	$(BIN)/python -m tests.bench.avr_cycles

clients: $(SETUP) ## real OctoPrint and Moonraker against a simulated printer; the check scripts: $KLIPKIT_CLIENTS
	$(BIN)/python -m tests.clients

man: $(SETUP) ## manual pages, option reference and completion, from the code
	$(BIN)/python -m klipkit.cli.reference .

accept: $(SETUP) ## rewrite the golden files from what the tools print now, for review
	KLIPKIT_ACCEPT=1 $(BIN)/pytest -q tests/golden

wheel: $(SETUP) ## a wheel in dist/
	rm -f dist/klipkit-*.whl
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

install: wheel ## klipkit, its manual pages and completion under PREFIX (default /usr/local)
	$(PYTHON) -m venv --clear $(DEST)/lib/klipkit
	$(DEST)/lib/klipkit/bin/pip install --quiet dist/klipkit-*.whl
	install -d $(DEST)/bin $(addprefix $(DEST)/share/man/man,1 5 7) $(addprefix $(DEST)/share/,$(COMPLETIONS))
	ln -sf ../lib/klipkit/bin/klipkit $(DEST)/bin/klipkit
	for section in 1 5 7; do install -m 644 man/*.$$section $(DEST)/share/man/man$$section; done
	$(DEST)/bin/klipkit completion bash >$(DEST)/share/bash-completion/completions/klipkit
	$(DEST)/bin/klipkit completion zsh >$(DEST)/share/zsh/site-functions/_klipkit
	$(DEST)/bin/klipkit completion fish >$(DEST)/share/fish/vendor_completions.d/klipkit.fish

clean: ## remove what was built, and the virtual environment
	$(MAKE) --no-print-directory -C firmware clean
	rm -rf build dist .venv *.egg-info klipkit/_core.* .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
