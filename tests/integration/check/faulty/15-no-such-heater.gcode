SET_HEATER_TEMPERATURE HEATER=chamber TARGET=40 ; FAULT gcode: The value 'chamber' is not valid for HEATER
G28
