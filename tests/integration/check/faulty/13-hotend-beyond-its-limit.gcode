G28
M104 S420 ; FAULT gcode: Requested temperature (420.0) out of range
G1 X50 Z5 F600
