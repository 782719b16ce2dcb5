# The modules, one line each: what it needs of a port. A port builds those whose needs are in its PROVIDES.
MODULE_analog_in := adc
MODULE_buttons := gpio
MODULE_counter := gpio
MODULE_digital_out := gpio
MODULE_endstop := gpio
MODULE_i2c :=
MODULE_i2c_bus := i2c
MODULE_i2c_pins := gpio
MODULE_pwm_out := pwm
MODULE_spi := gpio
MODULE_spi_bus := spi gpio
MODULE_spi_pins := gpio
MODULE_stepper := gpio
MODULE_tmcuart := gpio
MODULE_trsync :=
