"""Stepper drivers with registers: a file for each chip, and what they have alike."""
