"""Endstops that are as precise as the steppers: the phase at the trigger tells how early or late the switch was."""
