G28
M140 S40
M109 S180
G1 X50 E1 Z5 F600
M104 S0
G1 X0 ; FAULT heater-left-on: [heater_bed]
