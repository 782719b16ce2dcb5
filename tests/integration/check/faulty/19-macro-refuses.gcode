G28
REFUSES ; FAULT raised-by-macro: not today
