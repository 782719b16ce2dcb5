G28
M104 S180
G1 X50 Z5 F600
G1 X0 ; FAULT heater-left-on: [extruder]
