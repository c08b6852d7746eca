"""Decode a pickle into instructions, without acting on any of them.

Only the instructions that the pickle protocols 2 to 5 write are known; anything else, and
anything that reaches beyond the end of the data, is an error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pickle import UnpicklingError
from typing import Any

# How an instruction's argument is stored: nothing, a number, a length followed by bytes or by
# text, or two lines of text.
_NOTHING, _NUMBER, _BYTES, _TEXT, _LINES = range(5)
_U1, _U2, _U4, _U8, _I4, _F8 = (
    struct.Struct(code) for code in ("<B", "<H", "<I", "<Q", "<i", ">d")
)

_OPCODES: dict[int, tuple[str, int, struct.Struct | None]] = {
    code: (name, kind, number)
    for kind, number, names in (
        (_NOTHING, None, {
            b"(": "MARK", b".": "STOP", b"0": "POP", b"1": "POP_MARK", b"N": "NONE",
            b"\x88": "NEWTRUE", b"\x89": "NEWFALSE", b")": "EMPTY_TUPLE", b"]": "EMPTY_LIST",
            b"}": "EMPTY_DICT", b"\x8f": "EMPTY_SET", b"t": "TUPLE", b"\x85": "TUPLE1",
            b"\x86": "TUPLE2", b"\x87": "TUPLE3", b"l": "LIST", b"d": "DICT",
            b"\x91": "FROZENSET", b"a": "APPEND", b"e": "APPENDS", b"s": "SETITEM",
            b"u": "SETITEMS", b"\x90": "ADDITEMS", b"R": "REDUCE", b"b": "BUILD",
            b"\x81": "NEWOBJ", b"\x92": "NEWOBJ_EX", b"Q": "BINPERSID",
            b"\x93": "STACK_GLOBAL", b"\x94": "MEMOIZE",
        }),
        (_NUMBER, _U1, {b"\x80": "PROTO", b"K": "INT", b"h": "GET", b"q": "PUT"}),
        (_NUMBER, _U2, {b"M": "INT"}),
        (_NUMBER, _U4, {b"j": "GET", b"r": "PUT"}),
        (_NUMBER, _U8, {b"\x95": "FRAME"}),
        (_NUMBER, _I4, {b"J": "INT"}),
        (_NUMBER, _F8, {b"G": "FLOAT"}),
        (_BYTES, _U1, {b"C": "BYTES", b"U": "STRING", b"\x8a": "LONG"}),
        (_BYTES, _U4, {b"B": "BYTES", b"T": "STRING", b"\x8b": "LONG"}),
        (_BYTES, _U8, {b"\x8e": "BYTES", b"\x96": "BYTEARRAY"}),
        (_TEXT, _U1, {b"\x8c": "TEXT"}),
        (_TEXT, _U4, {b"X": "TEXT"}),
        (_TEXT, _U8, {b"\x8d": "TEXT"}),
        (_LINES, None, {b"c": "GLOBAL"}),
    )
    for (code,), name in names.items()
}  # fmt: skip

# Instructions that exist but that PyTorch's files never hold; named in the error.
_REFUSED = {
    "F": "FLOAT", "I": "INT", "L": "LONG", "S": "STRING", "V": "UNICODE", "P": "PERSID",
    "g": "GET", "p": "PUT", "2": "DUP", "i": "INST", "o": "OBJ", "\x82": "EXT1", "\x83": "EXT2",
    "\x84": "EXT4", "\x97": "NEXT_BUFFER", "\x98": "READONLY_BUFFER",
}  # fmt: skip

_MAX_LINE = 4096


def instructions(data: memoryview, start: int = 0) -> Iterator[tuple[str, Any, int]]:
    """Yield the instructions of the pickle that begins at `start`, up to and including STOP.

    Each is its name, its argument (None if it takes none) and the position it stands at.

    Raises:
        UnpicklingError: an instruction is unknown or cut short, or there is no STOP.
    """
    end = len(data)
    at = start
    while True:
        if at >= end:
            raise UnpicklingError(f"Ran out of input: no STOP before the end at byte {end}")
        position, code = at, data[at]
        at += 1
        known = _OPCODES.get(code)
        if known is None:
            name = _REFUSED.get(chr(code), "unknown")
            raise UnpicklingError(f"Unsupported opcode {name} (0x{code:02x}) at byte {position}")
        name, kind, number = known
        argument: Any = None
        if kind == _LINES:
            argument, at = _two_lines(data, at)
        elif number is not None:
            if at + number.size > end:
                raise UnpicklingError(f"{name} at byte {position} is cut short")
            (argument,) = number.unpack_from(data, at)
            at += number.size
            if kind != _NUMBER:
                if argument > end - at:
                    raise UnpicklingError(
                        f"{name} at byte {position} announces {argument} bytes, {end - at} are left"
                    )
                length, argument = argument, bytes(data[at : at + argument])
                at += length
                if kind == _TEXT:
                    argument = _decode(argument, position)
        yield name, argument, position
        if name == "STOP":
            return


def _decode(text: bytes, position: int) -> str:
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise UnpicklingError(f"The text at byte {position} is not UTF-8") from None


def _two_lines(data: memoryview, at: int) -> tuple[tuple[str, str], int]:
    lines = bytes(data[at : at + _MAX_LINE]).split(b"\n", 2)
    if len(lines) < 3:
        raise UnpicklingError(f"GLOBAL at byte {at - 1} has no end of line")
    module, name = (_decode(line, at) for line in lines[:2])
    return (module, name), at + len(lines[0]) + len(lines[1]) + 2
