G28
M109 S180
M83
G1 E10 F300
G1 E200 ; FAULT gcode: Extrude only move too long
M104 S0
