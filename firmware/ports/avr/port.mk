# The AVR port: make PORT=avr [CHIP=atmega2560] [FREQUENCY=16000000] [BAUD=250000]
CHIP ?= atmega2560
FREQUENCY ?= 16000000
BAUD ?= 250000

CC := avr-gcc
C_STANDARD := gnu11 # __flash
DICTIONARY := zlib
BUILD := build/avr-$(CHIP)$(if $(filter-out 16000000,$(FREQUENCY)),-$(FREQUENCY))
PROVIDES := gpio pulse adc pwm spi i2c addresses
PORT_REPLACES := row crc16 values
PORT_ASSEMBLY := $(addprefix ports/avr/,row.S receive.S values.S)

# What serves a need is built when a module has it.
SERVES_adc := adc
SERVES_i2c := twi
SERVES_pwm := pwm
SERVES_spi := spi
NEEDS = $(sort $(foreach module,$(MODULES),$(MODULE_$(module))))
PORT_SOURCES = $(patsubst %,ports/avr/%.c,chip clock crc16 gpio memory reset uart $(foreach need,$(NEEDS),$(SERVES_$(need))))

# A chip whose flash does not hold all modules has a list of its own.
MODULES_OF_16K := digital_out endstop reporter stepper trsync
SIZE_atmega328 := 32K
SIZE_atmega328p := 32K
SIZE_atmega32u4 := 32K
SIZE_atmega168 := 16K
SIZE_atmega168p := 16K
SIZE := $(SIZE_$(CHIP))
ifdef MODULES_OF_$(SIZE)
PORT_MODULES := $(MODULES_OF_$(SIZE))
else
PORT_MODULES = $(filter-out $(SELDOM),$(NAMES))
endif

# Sensors that are on boards of their own, seldom on an AVR: left out unless a configuration has them.
SELDOM := ads1220 bmi160 hx71x ldc1612 lis2dw mpu9250 registers sampler sos_filter trigger_analog

# Bytes: of the receive ring; of what is kept for interrupts and the deepest command. What is left of the RAM becomes
# configuration and move queue.
STACK_OF_16K := 256
STACK_OF_32K := 352
ifdef SIZE
RING := 128
STACK := $(STACK_OF_$(SIZE))
else
RING := 256
STACK := 448
endif

# Small code: what the compiler repeats, moves out of loops or inlines is longer than what it replaces on this CPU.
SMALL := -Os -flto -flto-partition=none -mcall-prologues -mstrict-X -fno-inline-small-functions -fno-move-loop-invariants -fno-tree-loop-im \
	-fno-tree-scev-cprop -fno-tree-ch -fno-reorder-blocks -fno-expensive-optimizations -fira-algorithm=priority -fno-ipa-sra
PORT_CFLAGS := $(SMALL) -mmcu=$(CHIP) -fshort-enums -ffunction-sections -fdata-sections -fno-jump-tables \
	-DF_CPU=$(FREQUENCY)UL -DBAUD=$(BAUD)UL -DCHIP_NAME='"$(CHIP)"' -DRECEIVE_RING=$(RING) -DSTACK_BYTES=$(STACK)

TARGETS := $(BUILD)/klipkit.elf $(BUILD)/klipkit.hex
