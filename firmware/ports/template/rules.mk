# How the template is linked: every function of the contract must be there.
$(BUILD)/klipkit: $(OBJECTS)
	$(CC) $(CFLAGS) -o $@ $^
