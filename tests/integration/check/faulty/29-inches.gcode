G28
G20 ; FAULT gcode: inches
G1 X2 Z1 F60
