"""What `klipkit flash` is tested against: boot loaders and ROMs behind ptys and on USB, firmware that answers."""
