"""A destination chain over JSON-RPC: the next endpoint when one fails, reasons in words, known transactions no error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from oracle.chain.rpc import Call
from oracle.delivery.codec import selector
from oracle.domain.ids import Address, Hash32, keccak256
from oracle.domain.units import BlockNumber, ChainId
from oracle.errors import (
    CallRevertedError,
    EndpointDisagreementError,
    EndpointRefusalError,
    EndpointUnreachableError,
    MalformedAnswerError,
    NonceUsedError,
    ReplacementUnderpricedError,
    TooFewEndpointsError,
)
from oracle.node.gateway import RpcGateway, explain_refusal

pytestmark = pytest.mark.anyio
ORACLE = Address(b"\x0c" * 20)
STALE = selector("StaleReport(uint64,uint64)") + (7).to_bytes(32, "big") + (9).to_bytes(32, "big")


class FakeEndpoint:
    def __init__(self, answer: Any, name: str = "fake") -> None:
        self.answer = answer
        self.name = name
        self.calls: list[Call] = []

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        self.calls += calls
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer for _ in calls]


def gateway(*answers: Any) -> RpcGateway:
    return RpcGateway(ChainId(31337), [FakeEndpoint(a, f"fake {i}") for i, a in enumerate(answers)])


async def test_call__first_endpoint_down__asks_the_second() -> None:
    chain = gateway(EndpointUnreachableError("a", "timed out"), "0x1234")

    assert await chain.call([(ORACLE, b"\x01")]) == [b"\x12\x34"]


async def test_call__every_endpoint_down__says_so() -> None:
    with pytest.raises(TooFewEndpointsError, match="timed out"):
        await gateway(EndpointUnreachableError("a", "timed out")).call([(ORACLE, b"")])


async def test_call_agreed__one_of_three_lies__is_what_two_share() -> None:
    assert await gateway("0x66", "0x12", "0x12").call_agreed(ORACLE, b"\x01") == b"\x12"


async def test_call_agreed__two_that_differ__is_an_error() -> None:
    with pytest.raises(EndpointDisagreementError):
        await gateway("0x66", "0x12").call_agreed(ORACLE, b"\x01")


@pytest.mark.parametrize("answer", [None, 7, "text", [], {}, {"number": None}, [None], [{"topics": 1}]])
async def test_reads__answer_of_the_wrong_shape__is_malformed(answer: Any) -> None:
    chain = gateway(answer)

    with pytest.raises(MalformedAnswerError):
        await chain.tip()
    if answer != []:
        with pytest.raises(MalformedAnswerError):
            await chain.logs(ORACLE, keccak256(b"event"), BlockNumber(1), BlockNumber(2))
    if answer is not None:
        with pytest.raises(MalformedAnswerError):
            await chain.receipt(Hash32(bytes(32)))


async def test_estimate_gas__contract_refuses__names_the_error_with_both_numbers() -> None:
    refusal = EndpointRefusalError("a", f"eth_estimateGas: {{'code': 3, 'data': '0x{STALE.hex()}'}}")

    with pytest.raises(CallRevertedError, match=r"StaleReport\(7, 9\)"):
        await gateway(refusal).estimate_gas(ORACLE, ORACLE, b"")


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("replacement transaction underpriced", ReplacementUnderpricedError),
        ("nonce too low", NonceUsedError),
        ("insufficient funds", CallRevertedError),
    ],
)
async def test_send__refusals__are_told_apart(reason: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await gateway(EndpointRefusalError("a", reason)).send(b"raw")


async def test_send__known_already__is_no_error() -> None:
    chain = gateway(EndpointRefusalError("a", "already known"))

    await chain.send(b"raw")


async def test_receipt__not_mined__is_none_and_mined_has_its_fee() -> None:
    mined = {"gasUsed": "0x64", "blockNumber": "0x7", "status": "0x1", "effectiveGasPrice": "0x3"}

    assert await gateway(None).receipt(Hash32(bytes(32))) is None
    receipt = await gateway(mined).receipt(Hash32(bytes(32)))

    assert receipt is not None
    assert (receipt.is_success, receipt.fee_wei, receipt.block_number) == (True, 300, 7)


MINED = {"gasUsed": "0x64", "blockNumber": "0x7", "status": "0x1", "effectiveGasPrice": "0x3"}
DOWN = EndpointUnreachableError("a", "timed out")


@pytest.mark.parametrize(
    ("others", "is_confirmed", "fee_wei"),
    [
        ([MINED], True, 300),
        ([MINED, None], True, 300),
        ([MINED, {**MINED, "effectiveGasPrice": "0x0"}], True, 300),
        ([{**MINED, "effectiveGasPrice": "0x0"}], True, None),
        ([{**MINED, "effectiveGasPrice": "0xffffff"}], True, None),
        ([{**MINED, "effectiveGasPrice": "-0x3"}], False, None),
        ([{**MINED, "effectiveGasPrice": "0x" + "f" * 40}], False, None),
        ([{**MINED, "gasUsed": "0x" + "f" * 5_000}], False, None),
        ([None], False, None),
        ([DOWN], False, None),
        ([7], False, None),
        ([DOWN, MINED], True, 300),
    ],
)
async def test_receipt__what_the_others_say__counts_where_two_say_the_same(
    others: list[Any], is_confirmed: bool, fee_wei: int | None
) -> None:
    """V-04: the daily cap does not rest on the word of one endpoint."""
    receipt = await gateway(MINED, *others).receipt(Hash32(bytes(32)))

    assert receipt is not None
    assert (receipt.is_confirmed, receipt.fee_wei) == (is_confirmed, fee_wei)


async def test_receipt__chain_that_charges_for_data__counts_that_as_well() -> None:
    """OP Stack: 100 gas at 3 wei, and 50,000 wei for the data on layer 1."""
    rollup = {**MINED, "l1Fee": "0xc350"}

    receipt = await gateway(rollup, rollup).receipt(Hash32(bytes(32)))

    assert receipt is not None
    assert receipt.fee_wei == 50_300


@pytest.mark.parametrize("cause", [ValueError(), OverflowError(), KeyError("x"), AttributeError(), TypeError()])
async def test_call__answer_breaks_what_reads_it__asks_the_next(cause: Exception) -> None:
    assert await gateway(cause, "0x12").call([(ORACLE, b"\x01")]) == [b"\x12"]


@pytest.mark.parametrize("quantity", ["-0x1", "0x8000000000000000", "0x" + "f" * 5_000])
async def test_reads__quantity_out_of_bounds__is_malformed(quantity: str) -> None:
    chain = gateway(quantity)

    for read in (chain.nonce(ORACLE), chain.estimate_gas(ORACLE, ORACLE, b"")):
        with pytest.raises(MalformedAnswerError):
            await read


async def test_logs__by_epoch__filter_on_the_indexed_argument() -> None:
    endpoint = FakeEndpoint([])
    topic, indexed = keccak256(b"event"), Hash32(bytes(32))

    await RpcGateway(ChainId(1), [endpoint]).logs(ORACLE, topic, BlockNumber(1), BlockNumber(2), indexed=indexed)

    ((_, (query,)),) = endpoint.calls
    assert query["topics"] == ["0x" + topic.hex(), "0x" + "00" * 32]


def test_explain_refusal__shortened_data__still_names_the_error() -> None:
    assert explain_refusal(f"'data': '0x{STALE.hex()[:40]}") == "StaleReport"
    assert explain_refusal("custom error 0xdeadbeef") == "0xdeadbeef"
    assert explain_refusal("out of gas") == "out of gas"


TOPIC = "0x" + "11" * 32
CALL = {"status": "0x1", "gasUsed": "0x64", "returnData": "0x", "logs": []}


def simulating(**changes: Any) -> RpcGateway:
    return gateway([{"calls": [CALL | changes]}])


async def test_simulate_logs__call_that_emits__gives_the_logs_of_that_contract_and_the_gas() -> None:
    logs = [
        {"address": "0x" + ORACLE.hex(), "topics": [TOPIC], "data": "0x05"},
        {"address": "0x" + "99" * 20, "topics": [TOPIC], "data": "0x06"},
    ]

    found = await simulating(logs=logs).simulate_logs(ORACLE, ORACLE, b"\x01")

    assert [(log.topics, log.data) for log in found.logs] == [((bytes.fromhex(TOPIC[2:]),), b"\x05")]
    assert (found.gas, found.refusal) == (100, "")


async def test_simulate_logs__call_that_reverts__gives_the_reason() -> None:
    found = await simulating(status="0x0", returnData="0x" + STALE.hex()).simulate_logs(ORACLE, ORACLE, b"\x01")

    assert found.refusal == "StaleReport(7, 9)"


async def test_simulate_logs__method_unknown__says_which() -> None:
    with pytest.raises(CallRevertedError, match="eth_simulateV1"):
        await gateway(EndpointRefusalError("a", "the method does not exist")).simulate_logs(ORACLE, ORACLE, b"")


async def test_calldata__of_a_creation__called_nobody() -> None:
    assert await gateway({"to": "0x" + ORACLE.hex(), "input": "0x0102"}).calldata(Hash32(bytes(32))) == (
        ORACLE,
        b"\1\2",
    )
    assert await gateway({"to": None, "input": "0x01"}).calldata(Hash32(bytes(32))) == (Address(bytes(20)), b"\1")


async def test_simulate__with_a_value__is_asked_with_it() -> None:
    endpoint = FakeEndpoint("0x07")
    chain = RpcGateway(ChainId(31337), [endpoint])

    assert await chain.simulate(ORACLE, ORACLE, b"\x01", 5) == b"\7"

    ((method, parameters),) = endpoint.calls
    assert (method, parameters[0]["value"]) == ("eth_call", "0x5")
