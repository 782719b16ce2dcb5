G1 X5 F600 ; FAULT move: Must home axis first
G28
G1 X50 Z5 F600
G1 X500 ; FAULT move: Move out of range
G1 X60 E1 ; FAULT gcode: Extrude below minimum temp
BEGIN_MY_PRINT ; FAULT unknown-command: Unknown command:"BEGIN_MY_PRINT"
REFUSES ; FAULT raised-by-macro: not today
M104 S420 ; FAULT gcode: Requested temperature
M104 S50
G1 X70 ; FAULT heater-left-on: [extruder]
