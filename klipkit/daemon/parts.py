"""The table of parts: a line each. Its section of printer.cfg is the first parameter of a part's constructor."""

from klipkit.base.declare import Declared
from klipkit.daemon.configfile import ConfigfileObject
from klipkit.machine.commands.delayed_gcode import DelayedGcode
from klipkit.machine.commands.display_status import DisplayStatus
from klipkit.machine.commands.dual_carriage import DualCarriage
from klipkit.machine.commands.exclude_object import ExcludeObject
from klipkit.machine.commands.gcode_button import GcodeButton
from klipkit.machine.commands.gcode_macro import GcodeMacro
from klipkit.machine.commands.homing import QueryEndstops
from klipkit.machine.commands.homing_override import HomingOverride
from klipkit.machine.commands.idle_timeout import IdleTimeout
from klipkit.machine.commands.manual_stepper import ManualStepper
from klipkit.machine.commands.motors import ForceMove, StepperEnable
from klipkit.machine.commands.pause_resume import PauseResume
from klipkit.machine.commands.position import GcodeMove
from klipkit.machine.commands.print_stats import PrintStats
from klipkit.machine.commands.report import Reports
from klipkit.machine.commands.respond import Respond
from klipkit.machine.commands.safe_z_home import SafeZHome
from klipkit.machine.commands.save_variables import SaveVariables
from klipkit.machine.endstop_phase.part import EndstopPhases
from klipkit.machine.endstop_phase.rule import StepperPhase
from klipkit.machine.extruder import Extruder
from klipkit.machine.limits import PrinterLimits
from klipkit.machine.observed import McuObject, MotionReport, SystemStats, ToolheadObject
from klipkit.machine.sdcard import VirtualSdcard
from klipkit.parts.drivers.tmc2130 import Tmc2130
from klipkit.parts.drivers.tmc2208 import Tmc2208
from klipkit.parts.drivers.tmc2209 import Tmc2209
from klipkit.parts.drivers.tmc2240 import Tmc2240
from klipkit.parts.drivers.tmc2660 import Tmc2660
from klipkit.parts.drivers.tmc5160 import Tmc5160
from klipkit.parts.fans.fan import Fan, FanGeneric
from klipkit.parts.fans.temperature_fan import TemperatureFan
from klipkit.parts.fans.watching import ControllerFan, HeaterFan
from klipkit.parts.heaters.commands import Heaters
from klipkit.parts.heaters.heater import HeaterBed, HeaterGeneric
from klipkit.parts.heaters.verify import VerifyHeater
from klipkit.parts.leds.led import Led
from klipkit.parts.leds.neopixel import NeopixelChain
from klipkit.parts.outputs.pins import OutputPin, PwmCycleTime, PwmTool, StaticOutput
from klipkit.parts.part import Part
from klipkit.parts.sensors.own import AdcTemperatureConfig, ThermistorConfig
from klipkit.parts.sensors.thermometer import TemperatureSensor

PARTS: tuple[type[Part], ...] = (
    Extruder,
    HeaterBed,
    HeaterGeneric,
    VerifyHeater,
    TemperatureSensor,
    TemperatureFan,
    Heaters,
    Fan,
    FanGeneric,
    HeaterFan,
    ControllerFan,
    OutputPin,
    PwmTool,
    PwmCycleTime,
    StaticOutput,
    Led,
    NeopixelChain,
    ConfigfileObject,
    Tmc2130,
    Tmc2208,
    Tmc2209,
    Tmc2240,
    Tmc2660,
    Tmc5160,
    McuObject,
    PrinterLimits,
    ToolheadObject,
    MotionReport,
    SystemStats,
    QueryEndstops,
    StepperEnable,
    ForceMove,
    ManualStepper,
    ExcludeObject,
    DualCarriage,
    GcodeMove,
    Reports,
    SafeZHome,
    HomingOverride,
    Respond,
    DisplayStatus,
    PrintStats,
    VirtualSdcard,
    PauseResume,
    IdleTimeout,
    DelayedGcode,
    GcodeMacro,
    SaveVariables,
    GcodeButton,
    StepperPhase,
    EndstopPhases,
)

# Sections that parts look at and that make none.
PART_SECTIONS: tuple[type[Declared], ...] = (ThermistorConfig, AdcTemperatureConfig)
