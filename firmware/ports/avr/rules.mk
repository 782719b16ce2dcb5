# How the AVR's objects are made and its targets are linked.

# Where time counts more than flash.
FAST := core/sched core/frame core/command core/console core/moves core/oid modules/stepper ports/avr/clock ports/avr/crc16 ports/avr/uart
$(FAST:%=$(BUILD)/%.o): private CFLAGS += -O2 -mno-call-prologues

$(BUILD)/klipkit.elf: $(OBJECTS)
	$(CC) $(CFLAGS) -Wl,--gc-sections -Wl,--relax -o $@ $^
	$(if $(LEFT_OUT),@echo "$(CHIP): no room for the modules $(LEFT_OUT)")

$(BUILD)/klipkit.hex: $(BUILD)/klipkit.elf
	avr-objcopy -j .text -j .data -O ihex $< $@
