"""Floor 4: one MCU and its peripherals."""
