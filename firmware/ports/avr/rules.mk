# How the AVR's targets are linked.
$(BUILD)/klipkit.elf: $(OBJECTS)
	$(CC) $(CFLAGS) -Wl,--gc-sections -Wl,--relax -o $@ $^

$(BUILD)/klipkit.hex: $(BUILD)/klipkit.elf
	avr-objcopy -j .text -j .data -O ihex $< $@
