# The simulator's port: a shared object for the co-simulator, and a process behind a pty for a foreign host.
PROVIDES := gpio pulse adc pwm spi i2c
PORT_SOURCES := ports/sim/port.c ports/sim/peripherals.c ports/sim/memory.c ports/sim/dictionary.c ports/sim/deflate.c
DICTIONARY := json
PORT_BRANCHES := -fsanitize-coverage=trace-pc

PORT_CFLAGS := -fPIC -fvisibility=hidden
ifdef SANITIZE
PORT_CFLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
BUILD := build/$(PORT)-sanitize
else ifdef FUZZ
CC := clang
PORT_CFLAGS += -O2 -fsanitize=address,undefined -fsanitize-coverage=inline-8bit-counters,pc-table -fno-sanitize-recover=all
PORT_BRANCHES :=
BUILD := build/$(PORT)-fuzz
else
PORT_CFLAGS += -O2
BUILD := build/$(PORT)
endif

# Of the process, not of the firmware.
PROCESS_SOURCES := ports/sim/process.c ports/sim/options.c ports/sim/terminal.c
PROCESS := $(PROCESS_SOURCES:%.c=$(BUILD)/%.o)

TARGETS := $(BUILD)/klipkit-sim.so $(BUILD)/klipkit-sim
