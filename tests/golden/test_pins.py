"""Transcripts of `klipkit pins`: names, whole files, lists and the check of a config."""

import io
import sys
from pathlib import Path

import pytest

from tests.golden.transcript import Transcript

FOLDER = Path(__file__).with_name("pins")


@pytest.fixture
def transcript(request: pytest.FixtureRequest) -> Transcript:
    """The transcript that is named like the test."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return Transcript(FOLDER / f"{name}.txt")


def send(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Let `data` be what stands on stdin."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_convert_one_board(transcript: Transcript) -> None:
    for line in (
        "D23 --board mega",
        "D21 --board mega",
        "A14 --board mega",
        "D23 --board sanguino",
        "D13 --board due",
        "D23 --board due",
        "D4 --board due",
        "P1_23 --board lpc1769",
        "P8_3 --board beaglebone",
        "d23 AR23 23 a14 analog14 ml70 pa1 --board ramps",
        "'^!D3' '~zboard:ar4' '! 5' --board atmega2560",
    ):
        transcript.run(f"klipkit pins convert {line}")
    transcript.run("klipkit pins convert D23 A14 --board mega --json")
    transcript.run("klipkit pins convert D23 '^!A14' --board mega", terminal=True)
    transcript.check()


def test_convert_back(transcript: Transcript) -> None:
    for line in (
        "PA1 --board mega --to arduino",
        "PK6 PG4 --board mega --to arduino",
        "PG4 --board mega --to marlin",
        "PA0 PC7 --board sanguino --to marlin",
        "PC26 PA29 --board due --to arduino",
        "P1.23 --board lpc --to marlin",
        "ar24 --board sanguino --to marlin",
        "PB24 --board due --to arduino",
        "PA1 --to arduino",
    ):
        transcript.run(f"klipkit pins convert {line}")
    transcript.check()


def test_convert_all_boards(transcript: Transcript) -> None:
    transcript.run("klipkit pins convert D23")
    transcript.run("klipkit pins convert D24")
    transcript.run("klipkit pins convert D3 '^P1_4'")
    transcript.run("klipkit pins convert ar24 --numbering marlin --json")
    transcript.run("klipkit pins convert D24", terminal=True)
    transcript.run("klipkit pins convert D234")
    transcript.check()


def test_convert_ambiguous(transcript: Transcript) -> None:
    transcript.run("klipkit pins convert D24 --board sanguino")
    transcript.run("klipkit pins convert 31 D23 --board sanguino --json")
    transcript.run("klipkit pins convert D24 --board sanguino --numbering arduino")
    transcript.run("klipkit pins convert D24 --board sanguino --numbering marlin")
    transcript.run("klipkit pins convert ar24 ml24 A0 --board sanguino --numbering marlin")
    transcript.check()


def test_convert_unknown(transcript: Transcript) -> None:
    for line in (
        "D99 --board mega",
        "D23 D99 A15 --board mega",
        "PB9 --board mega",
        "'D2 3' '' --board mega",
        "ml23 --board leonardo",
        "D23 --board meg",
        "D23 --board octopus",
        "D23 --board mega --to klipper",
    ):
        transcript.run(f"klipkit pins convert {line}")
    transcript.check()


def test_convert_names_on_stdin(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, b"D23\n\n^!ar3\r\nA14")
    transcript.run("klipkit pins convert --board mega")
    send(monkeypatch, b"D23\nD99\n")
    transcript.run("klipkit pins convert --board mega")
    send(monkeypatch, b"D23\n")
    transcript.run("klipkit pins convert")
    for data in (b"", b"\n \n"):
        send(monkeypatch, data)
        transcript.run("klipkit pins convert --board mega")
    send(monkeypatch, b"[fan]\npin: ar3\n")
    transcript.run("klipkit pins convert")
    send(monkeypatch, b"\x7fELF\0\0")
    transcript.run("klipkit pins convert --board mega")
    transcript.check()


def test_convert_config(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (FOLDER / "old.cfg").read_bytes()
    send(monkeypatch, data)
    transcript.run("klipkit pins convert --board mega")
    send(monkeypatch, b"[fan]\npin: ar3\n")
    transcript.run("klipkit pins convert --board mega --json")
    send(monkeypatch, b"[fan]\npin: ar3 # \x1b[31m\n")
    transcript.run("klipkit pins convert --board mega", terminal=True)
    transcript.check()


def test_convert_marlin(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (FOLDER / "pins_example.h").read_bytes()
    send(monkeypatch, data)
    transcript.run("klipkit pins convert --board mega")
    send(monkeypatch, b"#define X_STEP_PIN 24\n#define X_DIR_PIN 15\n")
    transcript.run("klipkit pins convert --board sanguino")
    send(monkeypatch, b"#define X_STEP_PIN 24\n#define X_DIR_PIN 15\n")
    transcript.run("klipkit pins convert --board sanguino --numbering marlin")
    transcript.check()


def test_list(transcript: Transcript) -> None:
    transcript.run("klipkit pins list --board uno")
    transcript.run("klipkit pins list --board linux-nonsense")
    transcript.run("klipkit pins list --board octopus")
    transcript.run("klipkit pins list --board standard", terminal=True)
    transcript.check()


def test_check(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    transcript.run("klipkit pins check broken.cfg --mcu atmega2560 --mcu zboard=atmega2560")
    transcript.run("klipkit pins check broken.cfg --mcu atmega2560 --mcu zboard=atmega2560 --json")
    transcript.run("klipkit pins check more.cfg --mcu rp2040", terminal=True)
    transcript.run("klipkit pins check fine.cfg")
    transcript.run("klipkit pins check fine.cfg --json")
    transcript.run("klipkit pins check fine.cfg -q")
    transcript.check()


def test_check_bad_input(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    for line in (
        "broken.cfg",
        "broken.cfg --mcu atmega2560",
        "broken.cfg --mcu atmega2561",
        "broken.cfg --mcu atmega2560 --mcu zbord=atmega2560",
        "broken.cfg --mcu mega",
        ". --mcu rp2040",
        "missing.cfg --mcu rp2040",
        "pins_example.h --mcu rp2040",
        "",
    ):
        transcript.run(f"klipkit pins check {line}")
    transcript.check()
