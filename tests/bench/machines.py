"""printer.cfg texts of the machines that motion is measured on: cartesian, corexy, delta; 16 microsteps unless told."""

PINS = "step_pin: PF0\ndir_pin: PF1\nendstop_pin: ^PE5\n"
LIMITS = "max_velocity: 300\nmax_accel: 3000\n"
SHAPED = "[input_shaper]\nshaper_type: mzv\nshaper_freq_x: 45\nshaper_freq_y: 38\n"
MACHINES = ("cartesian", "corexy", "delta")


def config(machine: str, *, shaped: bool = False, microsteps: int = 16) -> str:
    """A machine, with `shaped`: input shapers (mzv 45 and 38 Hz) and pressure advance 0.05."""
    motor = f"microsteps: {microsteps}\n"
    text = f"[mcu]\nserial: /dev/null\n[printer]\nkinematics: {machine}\n{LIMITS}"
    if machine == "delta":
        text += "max_z_velocity: 150\ndelta_radius: 174.75\nminimum_z_position: -5\n"
        text += (
            f"[stepper_a]\n{PINS}{motor}rotation_distance: 40\nposition_endstop: 297.05\narm_length: 333\n"
        )
        text += "".join(f"[stepper_{letter}]\n{PINS}{motor}rotation_distance: 40\n" for letter in "bc")
    else:
        text += "max_z_velocity: 25\nmax_z_accel: 300\n"
        for axis, turn in (("x", 40), ("y", 40), ("z", 8)):
            text += f"[stepper_{axis}]\n{PINS}{motor}rotation_distance: {turn}\nposition_endstop: 0\n"
            text += "position_min: -5\nposition_max: 400\n"
    text += f"[extruder]\nstep_pin: PA4\ndir_pin: PA6\n{motor}rotation_distance: 33.5\nnozzle_diameter: 0.4\n"
    text += "filament_diameter: 1.75\nheater_pin: PB4\nsensor_type: EPCOS 100K B57560G104F\nsensor_pin: PK5\n"
    text += "control: watermark\nmin_temp: 0\nmax_temp: 260\nmax_extrude_only_distance: 500\n"
    text += "max_extrude_cross_section: 50\n"
    return text + ("pressure_advance: 0.05\n" + SHAPED if shaped else "")
