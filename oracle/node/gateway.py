"""Sends and reads of one destination chain, over the endpoints that the indexer uses: the port of `oracle.delivery`.

One answering endpoint suffices here, because nothing read decides what is signed: a lie costs this operator a transaction, no more. The endpoints are
asked in order, the next one when one fails. What would halt the node is asked of all of them, by `call_agreed`, and so is what a transaction cost: the
daily cap rests on it (V-04).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from oracle.chain.asking import AGREEING_ENDPOINTS
from oracle.chain.checked import CheckedChain
from oracle.chain.quantities import LARGEST_QUANTITY, LARGEST_WEI, LARGEST_WORD, UNREADABLE, parse_quantity, read_answer
from oracle.chain.rpc import Call, Endpoint
from oracle.delivery.codec import explain_revert
from oracle.delivery.keeping import Simulated
from oracle.delivery.ports import BlockTip, Log, Receipt
from oracle.domain.ids import Address, Hash32, to_hex
from oracle.domain.units import BlockNumber, ChainId, TimestampS
from oracle.errors import (
    CallRevertedError,
    EndpointError,
    EndpointRefusalError,
    MalformedAnswerError,
    NonceUsedError,
    ReplacementUnderpricedError,
    TooFewEndpointsError,
    WrongChainError,
)

_REVERT_DATA = re.compile(r"'data': '(0x[0-9a-f]*)|custom error (0x[0-9a-f]{8})")
NOBODY_TEXT = "0x" + 40 * "0"
_UNDERPRICED = "underpriced"
_KNOWN = ("already known", "already imported", "known transaction")
_NONCE_TOO_LOW = "nonce too low"


class RpcGateway:
    """Implements `ChainGateway`."""

    def __init__(self, chain_id: ChainId, endpoints: Sequence[Endpoint]) -> None:
        self._chain_id = chain_id
        self._endpoints = tuple(endpoints)

    @property
    def chain_id(self) -> ChainId:
        """Return which chain this is."""
        return self._chain_id

    async def call(self, calls: Sequence[tuple[Address, bytes]]) -> list[bytes]:
        """Return the answers of view calls on the latest state."""
        if not calls:
            return []
        requests: list[Call] = [
            ("eth_call", [{"to": to_hex(to), "data": to_hex(data)}, "latest"]) for to, data in calls
        ]
        return [_bytes(answer) for answer in await self._ask(requests, "a view call")]

    async def call_agreed(self, to: Address, data: bytes) -> bytes:
        """Return a view call's answer that two endpoints share.

        Raises:
            EndpointDisagreementError: if they differ, which they may for the time of a block.
        """
        return await CheckedChain(self._chain_id, self._endpoints).call(to, data)

    async def tip(self) -> BlockTip:
        """Return the newest block."""
        (answer,) = await self._ask([("eth_getBlockByNumber", ["latest", False])], "the newest block")
        block = _fields(answer)
        return BlockTip(
            number=BlockNumber(_int(block.get("number"))),
            time_s=TimestampS(_int(block.get("timestamp"))),
            base_fee_wei=_int(block.get("baseFeePerGas") or "0x0", LARGEST_WEI),
        )

    async def nonce(self, account: Address) -> int:
        """Return the number of mined transactions of an account."""
        (answer,) = await self._ask([("eth_getTransactionCount", [to_hex(account), "latest"])], "a nonce")
        return _int(answer)

    async def balance_wei(self, account: Address) -> int:
        """Return what an account has."""
        (answer,) = await self._ask([("eth_getBalance", [to_hex(account), "latest"])], "a balance")
        return _int(answer, LARGEST_WORD)

    async def priority_fee_wei(self) -> int:
        """Return the tip that the chain suggests, a gwei if it suggests none."""
        try:
            (answer,) = await self._ask([("eth_maxPriorityFeePerGas", [])], "a priority fee")
        except CallRevertedError:
            return 10**9
        return _int(answer, LARGEST_WEI)

    async def estimate_gas(self, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> int:
        """Return the gas of a transaction."""
        request = _request(sender, to, data, value_wei)
        (answer,) = await self._ask([("eth_estimateGas", [request])], "a transaction")
        return _int(answer)

    async def simulate(self, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> bytes:
        """Return what a transaction would return on the latest state."""
        request = _request(sender, to, data, value_wei)
        (answer,) = await self._ask([("eth_call", [request, "latest"])], "a transaction")
        return _bytes(answer)

    async def simulate_logs(self, sender: Address, to: Address, data: bytes) -> Simulated:
        """Return what a transaction would emit and cost on the latest state.

        Raises:
            CallRevertedError: if no endpoint can tell (`eth_simulateV1`).
        """
        calls = {"blockStateCalls": [{"calls": [_request(sender, to, data, 0)]}]}
        (answer,) = await self._ask([("eth_simulateV1", [calls, "latest"])], "a simulation (eth_simulateV1)")
        (block,) = _items(answer)
        (call,) = _items(_fields(block).get("calls"))
        done = _fields(call)
        is_success = _int(done.get("status")) == 1
        logs = [item for item in map(_fields, _items(done.get("logs"))) if _bytes(item.get("address")) == to]
        return Simulated(
            logs=tuple(
                Log(
                    block_number=BlockNumber(0),
                    transaction_hash=Hash32(bytes(32)),
                    topics=tuple(Hash32(_bytes(topic)) for topic in _items(item.get("topics"))),
                    data=_bytes(item.get("data")),
                )
                for item in logs
            ),
            gas=_int(done.get("gasUsed")),
            refusal="" if is_success else explain_revert(_bytes(done.get("returnData"))),
        )

    async def calldata(self, transaction_hash: Hash32) -> tuple[Address, bytes]:
        """Return whom a mined transaction called, and with what; nobody's address where it created a contract."""
        (answer,) = await self._ask([("eth_getTransactionByHash", [to_hex(transaction_hash)])], "a transaction")
        found = _fields(answer)
        return Address(_bytes(found.get("to") or NOBODY_TEXT)), _bytes(found.get("input"))

    async def send(self, raw: bytes) -> None:
        """Hand in a signed transaction; handing in a known one again is no error."""
        try:
            await self._ask([("eth_sendRawTransaction", [to_hex(raw)])], "a transaction")
        except CallRevertedError as error:
            reason = error.reason.lower()
            if any(word in reason for word in _KNOWN):
                return
            if _UNDERPRICED in reason:
                raise ReplacementUnderpricedError(self._chain_id) from error
            if _NONCE_TOO_LOW in reason:
                raise NonceUsedError(self._chain_id) from error
            raise

    async def receipt(self, transaction_hash: Hash32) -> Receipt | None:
        """Return the receipt, None while it is not mined; once there is one, every endpoint is asked what it cost."""
        call: Call = ("eth_getTransactionReceipt", [to_hex(transaction_hash)])
        (answer,) = await self._ask([call], "a receipt")
        if answer is None:
            return None
        mined = _fields(answer)
        told = await asyncio.gather(*(_fetch_fee_wei(endpoint, call) for endpoint in self._endpoints))
        fees = [fee for fee in told if fee is not None]
        agreeing = min(AGREEING_ENDPOINTS, len(self._endpoints))
        return Receipt(
            transaction_hash=transaction_hash,
            block_number=BlockNumber(_int(mined.get("blockNumber"))),
            is_success=_int(mined.get("status")) == 1,
            gas_used=_int(mined.get("gasUsed")),
            is_confirmed=len(fees) >= agreeing,
            fee_wei=max((fee for fee in fees if fees.count(fee) >= agreeing), default=None),
        )

    async def logs(
        self,
        address: Address,
        topic: Hash32,
        first: BlockNumber,
        last: BlockNumber,
        indexed: Hash32 | None = None,
    ) -> list[Log]:
        """Return the logs of one event in a range, with its first indexed argument if given."""
        topics = [to_hex(topic)] + ([to_hex(indexed)] if indexed is not None else [])
        query = {"fromBlock": hex(first), "toBlock": hex(last), "address": to_hex(address), "topics": topics}
        (answer,) = await self._ask([("eth_getLogs", [query])], "logs")
        return [
            Log(
                block_number=BlockNumber(_int(item.get("blockNumber"))),
                transaction_hash=Hash32(_bytes(item.get("transactionHash"))),
                topics=tuple(Hash32(_bytes(topic_text)) for topic_text in _items(item.get("topics"))),
                data=_bytes(item.get("data")),
            )
            for item in map(_fields, _items(answer))
        ]

    async def _ask(self, calls: Sequence[Call], what: str) -> list[Any]:
        failures: list[EndpointError] = []
        for endpoint in self._endpoints:
            try:
                return await read_answer(endpoint.name, endpoint.batch(calls))
            except EndpointRefusalError as error:
                raise CallRevertedError(self._chain_id, what, explain_refusal(error.reason)) from error
            except EndpointError as error:
                failures.append(error)
        raise TooFewEndpointsError(self._chain_id, what, tuple(failures))


async def _fetch_fee_wei(endpoint: Endpoint, call: Call) -> int | None:
    """Return what one endpoint says that a transaction cost, None if it gives no receipt of it. OP Stack chains charge for the data beside the gas."""
    try:
        (answer,) = await read_answer(endpoint.name, endpoint.batch([call]))
        if answer is None:
            return None
        mined = _fields(answer)
        price_wei, l1_fee_wei = (_int(mined.get(name) or "0x0", LARGEST_WEI) for name in ("effectiveGasPrice", "l1Fee"))
        return _int(mined.get("gasUsed")) * price_wei + l1_fee_wei
    except (EndpointError, WrongChainError):
        return None


def explain_refusal(reason: str) -> str:
    """Return the custom error inside an endpoint's refusal, or the refusal itself."""
    found = _REVERT_DATA.search(reason)
    if found is None:
        return reason
    text = (found.group(1) or found.group(2))[2:]
    data = bytes.fromhex(text[: len(text) // 2 * 2])
    return explain_revert(data) if data else reason


def _request(sender: Address, to: Address, data: bytes, value_wei: int) -> dict[str, str]:
    request = {"from": to_hex(sender), "to": to_hex(to), "data": to_hex(data)}
    return request | {"value": hex(value_wei)} if value_wei else request


def _fields(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise MalformedAnswerError("of a destination", f"expected an object, got {str(answer)[:60]}")
    return answer


def _items(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise MalformedAnswerError("of a destination", f"expected a list, got {str(answer)[:60]}")
    return answer


def _int(answer: Any, largest: int = LARGEST_QUANTITY) -> int:
    try:
        return parse_quantity(answer, largest)
    except UNREADABLE as cause:
        raise MalformedAnswerError("of a destination", f"expected a quantity, got {str(answer)[:60]}") from cause


def _bytes(answer: Any) -> bytes:
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except UNREADABLE as cause:
        raise MalformedAnswerError("of a destination", f"expected bytes, got {str(answer)[:60]}") from cause
