/**
 * Pins of an example board: D54 here is no pin, nor is 54.
 */
#pragma once

#define BOARD_INFO_NAME "Example 23"
#define BAUDRATE 250000

#define X_STEP_PIN          54
#define X_DIR_PIN           55   // not D99
#define X_ENABLE_PIN        38
#define X_MIN_PIN            3
//#define Y_MIN_PIN         14
#define HEATER_0_PIN        10
#define TEMP_0_PIN          13   // analog input 13
#define TEMP_BED_PIN        14
#define LED_PIN           (13)
#define KILL_PIN            -1
#define SDSS                53
#define LCD_PINS_D4         23
#define BTN_ENC             35
#define SERVO_DELAY         { 300 }
#define HAS_KILL_PIN         1
#define E0_AUTO_FAN_PIN     FAN_PIN
#define FAN_PIN             D9
#define PS_ON_PIN          112

const int probe_pin = 64;
static const int CASE_LIGHT_PIN = 6;

void init() {
  pinMode(54, OUTPUT); /* 55 */ digitalWrite( 38 , 1); delay(23);
  WRITE(X_STEP_PIN, 1);
}
