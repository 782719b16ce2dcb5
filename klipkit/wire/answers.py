"""Which response answers which command: the dictionary does not say, the protocol's behaviour does.

Source: the recorded conversations and MCU_Commands.md. A command that is not here has no answer of its own; that it was
executed is all there is to know.
"""

from typing import NamedTuple


class Answer(NamedTuple):
    """The response to a command. `repeatable`: asking twice does no harm, so a lost answer may be asked for again."""

    response: str
    repeatable: bool = True


ANSWERS = {
    "identify": Answer("identify_response"),
    "get_config": Answer("config"),
    "get_clock": Answer("clock"),
    "get_uptime": Answer("uptime"),
    "debug_ping": Answer("pong"),
    "debug_read": Answer("debug_result"),
    "emergency_stop": Answer("shutdown"),
    "stepper_get_position": Answer("stepper_position"),
    "endstop_query_state": Answer("endstop_state"),
    "trsync_trigger": Answer("trsync_state", repeatable=False),
    "trigger_analog_query_state": Answer("trigger_analog_state"),
    "spi_transfer": Answer("spi_transfer_response", repeatable=False),
    "i2c_transfer": Answer("i2c_response", repeatable=False),
    "i2c_read": Answer("i2c_read_response", repeatable=False),  # of firmware before i2c_transfer
    "tmcuart_send": Answer("tmcuart_response", repeatable=False),
    "neopixel_send": Answer("neopixel_result", repeatable=False),
    "spi_angle_transfer": Answer("spi_angle_transfer_response", repeatable=False),
    "query_adxl345_status": Answer("sensor_bulk_status"),
    "query_lis2dw_status": Answer("sensor_bulk_status"),
    "query_mpu9250_status": Answer("sensor_bulk_status"),
    "query_icm20948_status": Answer("sensor_bulk_status"),
    "query_bmi160_status": Answer("sensor_bulk_status"),
    "query_hx71x_status": Answer("sensor_bulk_status"),
    "query_ads1220_status": Answer("sensor_bulk_status"),
    "query_ads131m0x_status": Answer("sensor_bulk_status"),
    "query_status_ldc1612": Answer("sensor_bulk_status"),
    "sdio_send_command": Answer("sdio_send_command_response", repeatable=False),
    "sdio_read_data": Answer("sdio_read_data_response", repeatable=False),
    "sdio_write_data": Answer("sdio_write_data_response", repeatable=False),
    "sdio_read_data_buffer": Answer("sdio_read_data_buffer_response"),
    "get_canbus_id": Answer("canbus_id"),
    "get_canbus_status": Answer("canbus_status"),
}
