G28
G1 Z2 F300
G1 Z-20 ; FAULT move: Move out of range
