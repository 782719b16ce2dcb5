;FLAVOR:Marlin
;TIME:62
;Filament used: 0.0024m
;Layer height: 0.2
;MINX:90
;Generated with Cura_SteamEngine 5.6.0
M140 S40
M105
M190 S40
M104 S180
M105
M109 S180
M82 ;absolute extrusion mode
M201 X500.00 Y500.00 Z100.00 E5000.00 ;Setup machine max acceleration
M220 S100 ;Reset Feedrate
M221 S100 ;Reset Flowrate
G28 ;Home
G92 E0 ;Reset Extruder
G1 Z2.0 F3000 ;Move Z Axis up
G1 X10.1 Y20 Z0.28 F5000.0 ;Move to start position
G1 X10.1 Y120 Z0.28 F1500.0 E5 ;Draw the first line
G92 E0 ;Reset Extruder
G92 E0
G1 F2700 E-5
;LAYER_COUNT:2
;LAYER:0
M107
;MESH:box.stl
G0 F3600 X90 Y90 Z0.2
;TYPE:WALL-OUTER
G1 F2700 E0
G1 F1200 X110 Y90 E0.6
G1 X110 Y110 E1.2
;TIME_ELAPSED:30.5
;LAYER:1
M106 S85
G0 F3600 X110 Y110 Z0.4
G1 F1200 X90 Y110 E1.8
G1 X90 Y90 E2.4
;TIME_ELAPSED:61.0
G1 F2700 E-2.6
M140 S0
M107
G91 ;Relative positioning
G1 E-2 F2700 ;Retract a bit
G1 X5 Y5 F3000 ;Wipe out
G1 Z10 ;Raise Z more
G90 ;Absolute positioning
G1 X0 Y180 ;Present print
M106 S0 ;Turn-off fan
M104 S0 ;Turn-off hotend
M84 X Y E ;Disable all steppers but Z
M82 ;absolute extrusion mode
;End of Gcode
