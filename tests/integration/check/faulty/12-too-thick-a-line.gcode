G28
G1 X50 Y50 Z1 F600
M109 S180
M83
G1 X51 E30 F300 ; FAULT gcode: Move exceeds maximum extrusion
M104 S0
