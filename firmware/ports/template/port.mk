# What a new port begins with: all of the contract, doing nothing. Built for this computer by the tests; it does not run.
PROVIDES := gpio
PORT_SOURCES := ports/template/port.c
DICTIONARY := zlib
BUILD := build/template
PORT_CFLAGS := -O2
TARGETS := $(BUILD)/klipkit
