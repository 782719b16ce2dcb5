G28 X Y
G1 X50 Y50 F6000
G1 Z5 F600 ; FAULT move: Must home axis first: Z
