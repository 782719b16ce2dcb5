BEGIN_MY_PRINT BED=60 ; FAULT unknown-command: Unknown command:"BEGIN_MY_PRINT"
G28
