g28
  g1   x50  y50 f3000 ; small letters
N12 G1 X60*77
M117 layer 1 of 2; half
(a remark)
;
G1X70Y70
G1 Z.5
G0 F6000
G1 X80
G1 X90