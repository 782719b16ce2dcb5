"""The lists of configuration commands: their order as recorded in traces a and b, their CRC, when a reset is needed."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.wire.configuration import OIDS_MOST, Configuration
from tests.unit.wire_core import untimed
from tests.unit.wire_reference import dictionary


def example() -> Configuration:
    configuration = Configuration()
    oid = configuration.allocate_oid()
    configuration.add(f"config_trsync oid={oid}")
    configuration.restart.append(f"trsync_start oid={oid} report_clock=0 report_ticks=0 expire_reason=0")
    configuration.init.append("query_counter oid=0 clock=5 poll_ticks=1 sample_ticks=2")
    return configuration


def test_a_fresh_mcu_gets_oids_config_finalize_and_init() -> None:
    text = b"allocate_oids count=1\nconfig_trsync oid=0"
    assert example().commands(is_config=False) == [
        "allocate_oids count=1",
        "config_trsync oid=0",
        f"finalize_config crc={zlib.crc32(text)}",
        "query_counter oid=0 clock=5 poll_ticks=1 sample_ticks=2",
    ]


def test_a_configured_mcu_gets_restart_and_init() -> None:
    assert example().commands(is_config=True) == [
        "trsync_start oid=0 report_clock=0 report_ticks=0 expire_reason=0",
        "query_counter oid=0 clock=5 poll_ticks=1 sample_ticks=2",
    ]


def test_every_command_of_a_configuration_can_be_encoded() -> None:
    for is_config in (False, True):
        for command in example().commands(is_config):
            (message,) = dictionary().decode_commands(dictionary().encode(command))
            assert message.text() == command


def test_a_reset_is_needed_only_for_another_configuration() -> None:
    configuration = example()
    assert not configuration.needs_reset(False, 0)
    assert not configuration.needs_reset(True, configuration.crc())
    assert configuration.needs_reset(True, configuration.crc() ^ 1)


@untimed
@given(st.lists(st.sampled_from(["trsync", "analog", "init", "restart"])))
def test_init_and_restart_do_not_change_the_crc_and_config_does(kinds: list[str]) -> None:
    configuration = example()
    for kind in kinds:
        before = configuration.crc()
        if kind in ("init", "restart"):
            getattr(configuration, kind).append("get_config")
            assert configuration.crc() == before
        else:
            configuration.add(f"config_{kind} oid={configuration.allocate_oid()}")
            assert configuration.crc() != before


@pytest.mark.parametrize(
    "command", ["trsync_start oid=1 report_clock=5", "queue_pwm_out oid=1 clock=5 value=0", "a\nb"]
)
def test_a_clock_is_refused_in_the_config_list(command: str) -> None:
    with pytest.raises(ValueError, match="not for the config list"):
        Configuration().add(command)


def test_words_that_only_end_like_clock_are_no_clocks() -> None:
    configuration = Configuration()
    configuration.add("config_x oid=1 clocks=3 overclock=4")
    assert len(configuration.config) == 1


def test_object_numbers_are_handed_out_in_order_up_to_a_byte() -> None:
    configuration = Configuration()
    assert [configuration.allocate_oid() for _ in range(OIDS_MOST)] == list(range(OIDS_MOST))
    with pytest.raises(ValueError, match="at most 255 objects"):
        configuration.allocate_oid()
