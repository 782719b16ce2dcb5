"""Floor 2: the MCU protocol as functions of (now, bytes): frames, VLQ, dictionary, send window; no I/O."""
