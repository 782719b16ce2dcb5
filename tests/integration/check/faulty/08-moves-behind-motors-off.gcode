G28
G1 X50 Z5 F600
M84
G1 X60 ; FAULT move: Must home axis first
