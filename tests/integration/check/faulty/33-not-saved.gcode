G28
RESTORE_GCODE_STATE NAME=before ; FAULT gcode: before
