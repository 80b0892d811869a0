"""The registers of a HyperLogLog, packed, unpacked and merged; its bytes are compared with Redis'."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.values import hyperloglog

SPARSE = 3000


def of(elements: list[bytes], limit: int) -> bytearray:
    data = hyperloglog.empty()
    for element in elements:
        hyperloglog.add(data, element, limit)
    return data


def by_hand(elements: list[bytes]) -> bytearray:
    values = bytearray(hyperloglog.REGISTERS)
    for element in elements:
        register, count = hyperloglog.place(element)
        values[register] = max(values[register], count)
    return values


elements = st.lists(st.binary(max_size=8), max_size=300)


@given(elements, st.sampled_from([0, 100, SPARSE]))
def test_registers_are_the_same_sparse_and_dense(some: list[bytes], limit: int) -> None:
    data = of(some, limit)
    assert hyperloglog.registers(data) == by_hand(some)
    hyperloglog.to_dense(data)
    assert hyperloglog.is_dense(data)
    assert hyperloglog.is_hyperloglog(data)
    assert hyperloglog.registers(data) == by_hand(some)


@given(elements, elements)
def test_merged_registers_are_those_of_all_elements(some: list[bytes], others: list[bytes]) -> None:
    into = hyperloglog.registers(of(some, SPARSE))
    hyperloglog.merge(into, hyperloglog.registers(of(others, 0)))
    assert into == by_hand(some + others)
    assert len(into) == hyperloglog.REGISTERS


def test_any_six_bits_are_a_register() -> None:
    values = bytearray(number % 64 for number in range(hyperloglog.REGISTERS))
    merged = bytearray(values)
    hyperloglog.merge(merged, values[::-1])
    assert merged == bytearray(map(max, values, values[::-1]))
