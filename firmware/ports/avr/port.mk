# The AVR port: make PORT=avr [CHIP=atmega2560] [FREQUENCY=16000000] [BAUD=250000]
CHIP ?= atmega2560
FREQUENCY ?= 16000000
BAUD ?= 250000

CC := avr-gcc
C_STANDARD := gnu11 # __flash
DICTIONARY := zlib
BUILD := build/avr-$(CHIP)$(if $(filter-out 16000000,$(FREQUENCY)),-$(FREQUENCY))
PORT_SOURCES := $(addprefix ports/avr/,chip.c clock.c gpio.c memory.c reset.c uart.c)

# Chips with 2 KB of RAM or less, and 32 KB of flash or less, build the modules named here only.
SMALL := atmega328p atmega328 atmega168 atmega32u4
PROVIDES := gpio
ifeq ($(filter $(CHIP),$(SMALL)),)
PROVIDES += large
RING := 256
else
RING := 128
endif
# Kept for interrupts and the deepest command; what is left becomes configuration and move queue.
STACK := $(if $(filter $(CHIP),$(SMALL)),320,448)

PORT_CFLAGS := -O2 -mmcu=$(CHIP) -fshort-enums -ffunction-sections -fdata-sections -fno-jump-tables \
	-DF_CPU=$(FREQUENCY)UL -DBAUD=$(BAUD)UL -DCHIP_NAME='"$(CHIP)"' -DRECEIVE_RING=$(RING) -DSTACK_BYTES=$(STACK)

TARGETS := $(BUILD)/klipkit.elf $(BUILD)/klipkit.hex
