"""Floor 6: toolhead, homing, rails, extruder, transforms, commands."""
