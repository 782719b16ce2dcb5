G28
G1 X50 Z5 F600
G999 X1 ; FAULT unknown-command: Unknown command:"G999"
