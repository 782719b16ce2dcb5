G28
M140 S250 ; FAULT gcode: Requested temperature (250.0) out of range
