G28
G1 Z5 F600
G1 X500 F6000 ; FAULT move: Move out of range
G1 X50
