"""Pins that people and macros switch."""
