G28
G1 X50 Z5 F600
M104 S200
G1 X60 E1 F3000 ; FAULT gcode: Extrude below minimum temp
M104 S0
