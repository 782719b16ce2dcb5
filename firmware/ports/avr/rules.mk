# How the AVR's objects are made and its targets are linked.

# Where time counts more than flash.
FAST := core/frame core/command core/console core/moves modules/stepper ports/avr/crc16
$(FAST:%=$(BUILD)/%.o): private CFLAGS := $(filter-out $(SMALL),$(CFLAGS)) -O2

# What is optimised at link time, and what is assembled, has no debug information: it would hold the names of the compiler's
# temporary files.
$(PORT_ASSEMBLY:%.S=$(BUILD)/%.o): private CFLAGS += -g0
$(BUILD)/klipkit.elf: $(OBJECTS)
	$(CC) $(CFLAGS) -g0 -Wl,--gc-sections -Wl,--relax -o $@ $^
	$(if $(LEFT_OUT),@echo "$(CHIP): no room for the modules $(LEFT_OUT)")

$(BUILD)/klipkit.hex: $(BUILD)/klipkit.elf
	avr-objcopy -j .text -j .data -O ihex $< $@
