"""Lights: on PWM pins, and chains of addressable ones."""
