"""Encodings against the shared vectors, and their bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.units import Ppm, Wad
from oracle.errors import RangeError
from oracle.features.quantize import count, ilog2, ratio, signed, wide, z

RULES = {"wide": wide, "ratio": ratio, "signed": signed}


def test_ilog2__shared_vectors__same(vectors_dir: Path) -> None:
    cases = json.loads((vectors_dir / "ilog2.json").read_text())["cases"]

    assert [ilog2(int(c["x"])) for c in cases] == [c["ilog2"] for c in cases]


def test_quantize__shared_vectors__same(vectors_dir: Path) -> None:
    cases = json.loads((vectors_dir / "quantize.json").read_text())["cases"]

    assert [RULES[c["rule"]](int(c["value"])) for c in cases] == [c["slot"] for c in cases]


def test_z__shared_vectors__same(vectors_dir: Path) -> None:
    cases = [c for c in json.loads((vectors_dir / "z.json").read_text())["cases"] if c["hasDebt"]]

    assert [z(Wad(int(c["healthFactorWad"])), Ppm(c["volatilityPpm"])) for c in cases] == [c["z"] for c in cases]


@pytest.mark.parametrize("x", [0, -1, 2**256])
def test_ilog2__outside_uint256__is_refused(x: int) -> None:
    with pytest.raises(RangeError):
        ilog2(x)


@given(a=st.integers(0, 2**200), b=st.integers(0, 2**200))
def test_encodings__larger_quantity__no_smaller_slot(a: int, b: int) -> None:
    low, high = sorted((a, b))

    for encode in (wide, ratio, count, signed):
        assert 1 <= encode(low) <= encode(high) <= 65_534


@given(a=st.integers(0, 2**128), b=st.integers(0, 2**128), volatility=st.integers(1, 10**7))
def test_z__higher_health__no_smaller_z(a: int, b: int, volatility: int) -> None:
    low, high = sorted((a, b))

    assert 1 <= z(Wad(low), Ppm(volatility)) <= z(Wad(high), Ppm(volatility)) <= 65_534
