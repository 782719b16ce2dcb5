"""PID_CALIBRATE: a relay test of one heater, and its parameters for SAVE_CONFIG."""

import os

from klipkit.base.faults import GcodeError
from klipkit.gcode.responses import Responses
from klipkit.gcode.waits import Waits
from klipkit.parts.autosave import Autosave
from klipkit.parts.heaters.heater import Heater
from klipkit.parts.heaters.relay import PidResult, Relay

LOOK = 0.5  # s
LOG = "/tmp/heattest.txt"


async def calibrate(heater: Heater, target: float, waits: Waits) -> Relay:
    """Test a heater at a temperature; off and under its own control afterwards, cancelled or not. Raises GcodeError."""
    own, relay = heater.control, Relay(heater.max_power)
    heater.set_target(target)
    heater.control = relay
    try:
        while not relay.is_done:
            if heater.target != target:
                raise GcodeError(f"PID_CALIBRATE: the target of '{heater.name}' was changed: interrupted")
            if await waits.sleep(LOOK):
                raise GcodeError("PID_CALIBRATE: cut short, nothing was found out")
    finally:
        heater.set_target(0.0)
        heater.control = own
    return relay


def keep(heater: Heater, result: PidResult, autosave: Autosave, responses: Responses) -> None:
    """Say the result, and have SAVE_CONFIG write it."""
    kp, ki, kd = (f"{value:.3f}" for value in result)
    responses.note(f"PID parameters: pid_Kp={kp} pid_Ki={ki} pid_Kd={kd}")
    responses.note("SAVE_CONFIG writes them into the configuration and restarts.")
    for option, value in (("control", "pid"), ("pid_Kp", kp), ("pid_Ki", ki), ("pid_Kd", kd)):
        autosave.set(heater.section, option, value)


def write_log(relay: Relay) -> None:
    """All readings with the power and the target; a link that somebody else laid there is not followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(LOG, flags, 0o644), "w") as file:
            for time, temperature, power, target in relay.samples:
                file.write(f"{time:.3f} {temperature:.3f} {power:.4f} {target:.1f}\n")
    except OSError as error:
        raise GcodeError(f"PID_CALIBRATE: {LOG} cannot be written: {error.strerror}") from None
