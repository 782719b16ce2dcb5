# How the simulator's targets are linked.
$(BUILD)/klipkit-sim.so: $(OBJECTS)
	$(CC) $(CFLAGS) -shared -Wl,-z,defs -o $@ $^

$(BUILD)/klipkit-sim: $(OBJECTS) $(PROCESS)
	$(CC) $(CFLAGS) -o $@ $^

-include $(PROCESS:.o=.d)

# What the tests drive one MCU with.
$(BUILD)/surround: ../tests/c/firmware/surround.c ports/sim/abi.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -I.. -o $@ $< -ldl

# What the fuzzer of the tests is linked with.
.PHONY: objects
objects: $(OBJECTS)
