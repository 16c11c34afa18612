"""A reader that keeps nothing: where nobody holds the state of a cut any more, code is read now, and said to be."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from oracle.chain.checked import CheckedChain
from oracle.chain.rows import MemoryRows
from oracle.domain.ids import Address
from oracle.domain.units import BlockNumber, ChainId
from oracle.errors import EndpointDisagreementError, OracleError, StateForgottenError, TooFewEndpointsError
from oracle.node.inspection import PatientReader
from tests.chain.fake_endpoint import address_of, make_params

pytestmark = pytest.mark.anyio

CHAIN = ChainId(31337)
CUT, HEAD = BlockNumber(10), BlockNumber(99)
CONTRACT, PERSON = address_of("contract"), address_of("person")


class ForgetfulChain:
    """Holds states of its head only."""

    def __init__(self, error: OracleError) -> None:
        self._error = error

    async def fetch_has_code(self, addresses: Sequence[Address], block_number: BlockNumber) -> dict[Address, bool]:
        if block_number != HEAD:
            raise self._error
        return {address: address == CONTRACT for address in addresses}

    async def fetch_finalised_head(self) -> Any:
        return SimpleNamespace(number=HEAD)


@pytest.mark.parametrize(
    "error",
    [
        StateForgottenError(CHAIN, CUT, ()),
        TooFewEndpointsError(CHAIN, "code", ()),
        EndpointDisagreementError(CHAIN, "code", {}),
    ],
)
async def test_fetch_has_code__state_is_gone__reads_the_head_and_says_so(error: OracleError) -> None:
    reader = PatientReader(make_params(CHAIN), cast(CheckedChain, ForgetfulChain(error)), MemoryRows())

    found = await reader.fetch_has_code([CONTRACT, PERSON], CUT)

    assert found == {CONTRACT: True, PERSON: False}
    assert reader.code_note == f"the state of block {CUT} is gone: code was read at block {HEAD}"
