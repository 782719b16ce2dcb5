G28
M204 S0 ; FAULT gcode: acceleration
G1 X50 Z5 F600
