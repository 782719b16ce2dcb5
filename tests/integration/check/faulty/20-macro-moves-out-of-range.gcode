G28
G1 Z5 F600
PARK_AT X=100
PARK_AT X=400 ; FAULT move: Move out of range
