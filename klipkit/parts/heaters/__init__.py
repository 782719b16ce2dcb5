"""Heaters: their control, the checks on them, and their commands."""
