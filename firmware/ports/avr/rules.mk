# How the AVR's objects are made and its targets are linked.

# Where time counts more than flash.
FAST := core/frame core/command core/console core/moves modules/stepper ports/avr/crc16
$(FAST:%=$(BUILD)/%.o): private CFLAGS := $(filter-out $(SMALL),$(CFLAGS)) -O2

$(BUILD)/klipkit.elf: $(OBJECTS)
	$(CC) $(CFLAGS) -Wl,--gc-sections -Wl,--relax -o $@ $^
	$(if $(LEFT_OUT),@echo "$(CHIP): no room for the modules $(LEFT_OUT)")

$(BUILD)/klipkit.hex: $(BUILD)/klipkit.elf
	avr-objcopy -j .text -j .data -O ihex $< $@
