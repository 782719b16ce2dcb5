G28
T1 ; FAULT unknown-command: Unknown command:"T1"
G1 X50 Z5 F600
