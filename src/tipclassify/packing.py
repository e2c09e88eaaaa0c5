"""The hash table of weights: one 64-bit slot per feature, holding a fingerprint and the three weights as 16-bit lanes.

A look-up is one gather of 64 bits, and four lanes are added at once.
"""

from __future__ import annotations

import sys
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "LANES",
    "LANE_OF",
    "ONE",
    "PLACE_BITS",
    "STEPS",
    "add_to",
    "add_up",
    "lanes_of",
    "look_up",
    "pack",
]

U64 = npt.NDArray[np.uint64]

PLACE_BITS: Final = 20  # upper bits of a feature's key: its slot in the table
LANES: Final = 4  # in the table a fingerprint, in sums a count of features; then a weight for each label
LANE_OF: Final = tuple(range(LANES)) if sys.byteorder == "little" else tuple(reversed(range(LANES)))
STEPS: Final = 4_000  # units of the largest weight: seven families of a token still sum within 16 bits
ONE: Final = np.uint64(1)  # a count of one, in its lane

_FINGERPRINT: Final = np.uint64((1 << (32 - PLACE_BITS)) - 1)  # remaining bits of a key: detect collisions
_TO_PLACE: Final = np.uint64(64 - PLACE_BITS)
_TO_KEY: Final = np.uint64(32)
_BLOCK: Final = 1 << 14  # features per step: temporary arrays stay in the processor's cache
_LANE: Final = np.uint64(16)
_SHIFT: Final = np.uint64(0x8000_8000_8000_8000)  # maps int16 to uint16, adding 2**15
_TWO: Final = np.uint64(0x0000_FFFF_0000_FFFF)
_LOW: Final = np.uint64(0xFFFF_FFFF)
_LONGEST: Final = 1 << 16  # 16-bit numbers whose sum fits 32 bits


def pack(hashes: npt.NDArray[np.uint32], weights: npt.NDArray[np.int16]) -> U64:
    """Build the table from keys uint32 (m,), no two of one slot (first `PLACE_BITS` bits), and weights int16 (m, 3)."""
    lanes = np.zeros((len(hashes), LANES), np.int16)
    lanes[:, LANE_OF[0]] = (hashes & np.uint32(_FINGERPRINT)).astype(np.int16)
    lanes[:, LANE_OF[1:]] = weights
    table = np.zeros(1 << PLACE_BITS, np.uint64)
    table[hashes >> np.uint32(32 - PLACE_BITS)] = lanes.view(np.uint64).ravel()
    return table


def look_up(table: U64, code: U64, kept: npt.NDArray[np.bool_] | None = None) -> U64:
    """Look up the weights of each feature, its count lane 0; all zeros for features unknown or not `kept`."""
    found = np.empty_like(code)
    flat, codes = found.reshape(-1), code.reshape(-1)
    wanted = None if kept is None else kept.reshape(-1)
    for at in range(0, len(codes), _BLOCK):
        part, here = codes[at : at + _BLOCK], flat[at : at + _BLOCK]
        place = part >> _TO_PLACE
        table.take(place.view(np.int64), out=here, mode="clip")  # always in range; clipping is faster than checking
        key = np.right_shift(part, _TO_KEY, out=place)
        key &= _FINGERPRINT
        here ^= key  # the first lane is zero where the fingerprints agree
        same = here.view(np.int16)[LANE_OF[0] :: LANES] == 0
        if wanted is not None:
            same &= wanted[at : at + _BLOCK]
        here *= same
    return found


def lanes_of(packed: U64) -> npt.NDArray[np.int16]:
    """View packed numbers as lanes, int16 (…, LANES)."""
    return packed.view(np.int16).reshape(*packed.shape, LANES)


def add_to(total: U64, packed: U64) -> U64:
    """Add lane by lane into `total`, and return it."""
    lanes = total.view(np.int16)
    lanes += packed.view(np.int16)
    return total


def add_up(packed: U64, begin: npt.NDArray[np.int64], length: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Sum each segment, float64 (LANES, segments), given where it begins and its length.

    Two lanes are summed at a time, in 32 bits each, after a shift that makes them positive.
    """
    if np.count_nonzero(length > _LONGEST):
        lanes = lanes_of(packed)
        return np.stack([np.add.reduceat(lanes[:, lane].astype(np.float64), begin) for lane in LANE_OF])
    packed = packed ^ _SHIFT
    sums = np.empty((LANES, len(begin)))
    for number in (0, 1):
        two = np.add.reduceat(packed & _TWO, begin)
        sums[number] = two & _LOW
        sums[number + 2] = two >> _TO_KEY
        if not number:
            packed >>= _LANE
    sums -= length * float(1 << 15)
    return sums
