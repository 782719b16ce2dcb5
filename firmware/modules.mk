# The modules, one line each: what it needs of a port. A port builds those whose needs are in its PROVIDES. Each need but
# `addresses`, which says that a chip's memory and registers have 32-bit addresses, is a header in hal/.
MODULE_adxl345 := gpio
MODULE_analog_in := adc
MODULE_bulk :=
MODULE_buttons := gpio
MODULE_counter := gpio
MODULE_debug := addresses
MODULE_digital_out := gpio
MODULE_endstop := gpio
MODULE_hd44780 := gpio
MODULE_i2c :=
MODULE_i2c_bus := i2c
MODULE_i2c_pins := gpio
MODULE_lis2dw := gpio
MODULE_neopixel := gpio pulse
MODULE_pwm_out := pwm
MODULE_reporter :=
MODULE_spi := gpio
MODULE_spi_bus := spi gpio
MODULE_spi_pins := gpio
MODULE_st7920 := gpio
MODULE_stepper := gpio
MODULE_thermocouple := gpio
MODULE_tmcuart := gpio
MODULE_trsync :=
