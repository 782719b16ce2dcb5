"""Fans: one by hand, and those that follow heaters, motors and temperatures."""
