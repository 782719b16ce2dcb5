# What is built: port, chip and modules, from BOARD, from a saved configuration, or by hand.
#   make -s -f choice.mk PORT=avr CHIP=atmega168 facts      what a port offers a chip, for the Kconfig

include modules.mk

ifdef BOARD
SETTINGS := $(shell $(or $(PYTHON),python3) board.py '$(BOARD)')
ifneq ($(.SHELLSTATUS),0)
$(error the firmware of board '$(BOARD)' cannot be built)
endif
$(foreach setting,$(SETTINGS),$(eval $(setting)))
else ifeq ($(origin PORT),undefined)
CONFIG ?= $(wildcard .config)
endif

ifneq ($(CONFIG),)
include $(CONFIG)
PORT := $(subst ",,$(CONFIG_PORT))
CHIP := $(subst ",,$(CONFIG_CHIP))
FREQUENCY := $(CONFIG_FREQUENCY)
BAUD := $(CONFIG_BAUD)
endif

PORT ?= sim
include ports/$(PORT)/port.mk

# A module can be built when the port provides all that it needs.
NAMES := $(sort $(patsubst MODULE_%,%,$(filter MODULE_%,$(.VARIABLES))))
MODULES := $(foreach name,$(NAMES),$(if $(filter-out $(PROVIDES),$(MODULE_$(name))),,$(name)))

# A port that has no room for all of them names those that it wants, and the build names the rest. A saved configuration has
# its own choice.
ifneq ($(CONFIG),)
MODULES := $(foreach name,$(MODULES),$(if $(filter y,$(CONFIG_MODULE_$(name))),$(name)))
else ifdef PORT_MODULES
LEFT_OUT := $(filter-out $(PORT_MODULES),$(MODULES))
MODULES := $(filter $(PORT_MODULES),$(MODULES))
endif

ifeq ($(MAKECMDGOALS),facts)
$(info provides $(PROVIDES))
$(info modules $(MODULES))
$(info stack $(STACK))
$(info compiler $(CC))
$(info targets $(notdir $(TARGETS)))
$(foreach name,$(NAMES),$(info needs.$(name) $(MODULE_$(name))))
endif

.PHONY: facts
facts: ;
