G90
G1 X10 Y10 F6000 ; FAULT move: Must home axis first
G1 X20
G1 X30
