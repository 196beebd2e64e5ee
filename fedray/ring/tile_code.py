"""Instructions of the processor's matrix unit (Intel AMX) as functions of compiled code.

A tile is a register of 16 rows of 64 bytes. `dot` adds 64 products of unsigned bytes to each of 256 sums of 32 bits,
``c[i, j] += sum over q < 16, t < 4 of a[i, 4 q + t] b[q, 4 j + t]``, modulo 2^32. Registers are numbers that are known
when the code is compiled; addresses and distances between rows are in bytes. The registers are those of one thread,
from `configure` to `release`.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18 and volume 2 (TDPBUUD).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["configure", "dot", "load", "release", "store", "zero"]

Typed: TypeAlias = tuple[Any, Callable[..., Any]] | None

_BYTE = ir.IntType(8)


def _instruction(name: str, registers: tuple[Any, ...], operands: tuple[Any, ...] = ()) -> Typed:
    """Return type and code of an instruction of registers, then an address if there are operands, then numbers."""
    if not all(isinstance(register, types.IntegerLiteral) for register in registers):
        return None  # numba asks once more, with the values of literals
    numbers = [ir.Constant(_BYTE, register.literal_value) for register in registers]

    def code(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        given = list(arguments[len(registers) :])
        if given:
            given[0] = builder.inttoptr(given[0], _BYTE.as_pointer())
        values = [*numbers, *given]
        declared = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(cgutils.get_or_insert_function(builder.module, declared, f"llvm.x86.{name}"), values)
        return context.get_dummy_value()

    return types.void(*registers, *[types.int64] * len(operands)), code


@intrinsic
def configure(_: Any, address: Any) -> Typed:
    """Give the tiles the shapes that the 64 bytes at an address say."""
    return _instruction("ldtilecfg", (), (address,))


@intrinsic
def release(_: Any) -> Typed:
    """Give the tiles back."""
    return _instruction("tilerelease", ())


@intrinsic
def zero(_: Any, tile: Any) -> Typed:
    """Fill a tile with zeros."""
    return _instruction("tilezero", (tile,))


@intrinsic
def load(_: Any, tile: Any, address: Any, distance: Any) -> Typed:
    """Read the rows of a tile."""
    return _instruction("tileloadd64", (tile,), (address, distance))


@intrinsic
def store(_: Any, tile: Any, address: Any, distance: Any) -> Typed:
    """Write the rows of a tile."""
    return _instruction("tilestored64", (tile,), (address, distance))


@intrinsic
def dot(_: Any, sums: Any, left: Any, right: Any) -> Typed:
    """Add the products of two tiles of unsigned bytes to a tile of sums."""
    return _instruction("tdpbuud", (sums, left, right))
