# How the simulator's targets are linked.
$(BUILD)/klipkit-sim.so: $(OBJECTS)
	$(CC) $(CFLAGS) -shared -Wl,-z,defs -o $@ $^
