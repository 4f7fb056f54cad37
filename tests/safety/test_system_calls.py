"""The filter of system calls is well-formed for each known architecture and refuses what it says."""

import errno
import struct
from pathlib import Path

import pytest

from perdure.safety.system_calls import (
    ALLOW,
    ARCHITECTURES,
    CLONE3,
    REFUSE,
    REFUSED,
    SOCKET,
    system_call_filter,
)

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06


def answer(program: bytes, *, architecture: int, number: int, first: int = 0) -> int:
    """What the kernel's machine would answer to a call: a small interpreter of the four operations in use."""
    data = {0: number, 4: architecture, 16: first}
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = position = 0
    while True:
        operation, if_true, if_false, value = instructions[position]
        position += 1
        if operation == LOAD:
            accumulator = data[value]
        elif operation == RETURN:
            return value
        else:
            holds = accumulator == value if operation == EQUAL else accumulator >= value
            assert operation in {EQUAL, AT_LEAST}
            position += if_true if holds else if_false


@pytest.mark.parametrize("machine", sorted(ARCHITECTURES))
def test_each_listed_call_is_refused_and_all_others_are_allowed(machine: str) -> None:
    program = system_call_filter(machine)
    assert program is not None
    architecture, column = ARCHITECTURES[machine]
    refused = {numbers[column] for numbers in REFUSED.values()} - {None}
    assert len(refused) == len([numbers for numbers in REFUSED.values() if numbers[column] is not None])
    for number in range(600):
        expected = REFUSE | errno.EPERM if number in refused else ALLOW
        if number == CLONE3:
            expected = REFUSE | errno.ENOSYS
        if number != SOCKET[column]:
            assert answer(program, architecture=architecture, number=number) == expected


@pytest.mark.parametrize("machine", sorted(ARCHITECTURES))
def test_only_local_and_internet_sockets_are_allowed(machine: str) -> None:
    program = system_call_filter(machine)
    assert program is not None
    architecture, column = ARCHITECTURES[machine]
    allowed = [
        family
        for family in range(50)
        if answer(program, architecture=architecture, number=SOCKET[column], first=family) == ALLOW
    ]
    assert allowed == [1, 2, 10, 16]


def test_calls_of_another_architecture_do_not_exist() -> None:
    program = system_call_filter("x86_64")
    assert program is not None
    thirty_two_bit = 0x40000003
    absent = REFUSE | errno.ENOSYS
    assert answer(program, architecture=thirty_two_bit, number=1) == absent
    assert answer(program, architecture=ARCHITECTURES["x86_64"][0], number=0x40000000 | 1) == absent


def test_an_unknown_architecture_has_no_filter() -> None:
    assert system_call_filter("pdp11") is None


HEADER = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", sorted(HEADER))
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    if not HEADER[machine].exists():
        pytest.skip(f"the kernel's header {HEADER[machine]} is not installed")
    defined: dict[str, int] = {}
    for line in HEADER[machine].read_text().splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "#define" and words[2].isdigit():
            defined[words[1].removeprefix("__NR3264_").removeprefix("__NR_")] = int(words[2])
    column = ARCHITECTURES[machine][1]
    ours = {name: numbers[column] for name, numbers in REFUSED.items() if numbers[column] is not None}
    assert {name: defined[name] for name in ours if name in defined} == {
        name: number for name, number in ours.items() if name in defined
    }
    assert len(set(ours) & set(defined)) >= 40
    assert (defined["socket"], defined["clone3"]) == (SOCKET[column], CLONE3)
