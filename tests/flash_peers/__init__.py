"""What `klipkit flash` is tested against: boot loaders and ROMs behind ptys and on a played USB, and firmware that says who it is."""
