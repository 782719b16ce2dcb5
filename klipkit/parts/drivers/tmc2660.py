"""[tmc2660 STEPPER]: a driver on SPI with datagrams of 20 bits, whose output SG_TST tells of stalls.

Registers: TMC2660 data sheet Rev. 1.07, section 6; current: section 8. Nothing is silent here, and nothing lowers the
current at standstill: `idle_current_percent` does so while no motor has moved for long.
"""

import asyncio
from collections.abc import Mapping

from klipkit.base.declare import option, section
from klipkit.base.errors import KlipkitError
from klipkit.base.pin import Pin
from klipkit.base.values import integer
from klipkit.parts.drivers.chip import FAULTS, Chip, Fitted
from klipkit.parts.drivers.commands import TmcDriver
from klipkit.parts.drivers.config import (
    DriverOptions,
    SpiBusOptions,
    cs_pin,
    driver_fields,
    fit,
    run_current,
    sense_resistor,
)
from klipkit.parts.drivers.current import OneCurrent
from klipkit.parts.drivers.datagrams import TmcShortSpi
from klipkit.parts.drivers.registers import RegisterMap, register
from klipkit.parts.drivers.shown import SHOWN
from klipkit.parts.drivers.surroundings import Surroundings
from klipkit.parts.idleness import Idleness

V_HIGH, V_LOW = 0.310, 0.165  # V, full scale for vsense 0 and 1
FLAGS = "stallguard 0, ot 1, otpw 2, s2ga 3, s2gb 4, ola 5, olb 6, stst 7"

REGISTERS = RegisterMap(
    [
        register(
            "DRVCONF",
            7,
            "w",
            "rdsel 4-5, vsense 6, sdoff 7, ts2g 8-9, diss2g 10, slpl 12-13, slph 14-15, tst 16",
        ),
        register("DRVCTRL", 0, "w", "mres 0-3, dedge 8, intpol 9"),
        register(
            "CHOPCONF", 4, "w", "toff 0-3, hstrt 4-6, hend 7-10, hdec 11-12, rndtf 13, chm 14, tbl 15-16"
        ),
        register("SMARTEN", 5, "w", "semin 0-3, seup 5-6, semax 8-11, sedn 13-14, seimin 15"),
        register("SGCSCONF", 6, "w", "cs 0-4, sgt 8-14 signed, sfilt 16"),
        register("READRSP@RDSEL0", 0, "r", f"{FLAGS}, mstep 10-19"),
        register("READRSP@RDSEL1", 1, "r", f"{FLAGS}, sg_result 10-19"),
        register("READRSP@RDSEL2", 2, "r", f"{FLAGS}, se 10-14, sg_result_high 15-19"),
    ],
    SHOWN,
)
TMC2660 = Chip(
    "tmc2660",
    REGISTERS,
    fixed={"sdoff": 0, "rdsel": 0},
    free={
        "tbl": 2, "rndtf": 0, "hdec": 0, "chm": 0, "hend": 3, "hstrt": 3, "toff": 4, "seimin": 0, "sedn": 0, "semax": 0,
        "seup": 0, "semin": 0, "sfilt": 0, "sgt": 0, "slph": 0, "slpl": 0, "diss2g": 0, "ts2g": 3,
    },
    clock=15e6,
    limit=2.4,
    status="READRSP@RDSEL2",
    general="",
    counter="mstep",
    current_scale="se",
    faults=FAULTS,
    interpolates=(16,),
)  # fmt: skip


@section("tmc2660 SECTION", refers="stepper", checks=[fit(REGISTERS)])
class Tmc2660Config(SpiBusOptions, DriverOptions):
    """A TMC2660 stepper driver on SPI."""

    cs_pin: Pin = cs_pin()
    run_current: float = run_current(TMC2660.limit)
    sense_resistor: float = sense_resistor()
    idle_current_percent: int = option(
        integer(minimum=0, maximum=100),
        "The share of run_current once the printer is idle ([idle_timeout]).",
        unit="%",
        default=100,
    )
    driver: Mapping[str, int] = driver_fields(TMC2660.free)


class Tmc2660(TmcDriver):
    """A driver on SPI."""

    def __init__(self, config: Tmc2660Config, around: Surroundings, idleness: Idleness | None) -> None:
        current = OneCurrent(config.sense_resistor, V_HIGH, V_LOW)
        wire = TmcShortSpi(config.stepper, around.spi(config, config.cs_pin))
        super().__init__(config, Fitted(TMC2660, wire, current), around)
        self._share = config.idle_current_percent / 100
        self._used = self.currents()[0]  # A, while the printer is used
        self._changing: asyncio.Task[None] | None = None
        if idleness is not None and self._share < 1:
            idleness.listen(self._idle)

    def _idle(self, is_idle: bool) -> None:
        """The printer is idle now, or used again."""
        if is_idle:
            self._used = self.currents()[0]
        current = self._used * self._share if is_idle else self._used
        self._changing = asyncio.get_running_loop().create_task(self._set_current(current))

    async def _set_current(self, current: float) -> None:
        try:
            await self.set_fields(self.fitted.current.fields(current, current))
        except KlipkitError as error:
            self.around.alarm.shut_down(error)
