"""Raw JSON-RPC to one endpoint, single calls and batches, and ABI-encoded calls from plain signatures.

web3.py costs 100 times more per call than the chain itself, so the sandbox speaks JSON-RPC with orjson over one kept connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson
from eth_abi.abi import decode, encode

from oracle.domain.ids import keccak256
from oracle.errors import SandboxRpcError
from oracle.sandbox.http_connection import HttpConnection

BATCH_CALLS = 200
CONNECT_RETRY_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """An unsigned transaction; anvil sends it as `sender` without a key. `to` is None for a creation."""

    sender: str
    to: str | None
    data: bytes
    gas: int = 3_000_000
    value_wei: int = 0


@lru_cache(maxsize=512)
def parse_signature(signature: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the selector and the argument types of `name(type,(type,type)[],...)`."""
    arguments = signature[signature.index("(") + 1 : signature.rindex(")")]
    types: list[str] = []
    depth = 0
    start = 0
    for position, char in enumerate(arguments):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            types.append(arguments[start:position])
            start = position + 1
    if arguments:
        types.append(arguments[start:])
    return keccak256(signature.encode())[:4], tuple(types)


def encode_call(signature: str, *arguments: Any) -> bytes:
    """Return calldata for `signature`, e.g. `encode_call("mint(address,uint256)", owner, 1)`."""
    selector, types = parse_signature(signature)
    return selector + encode(types, arguments)


def decode_words(types: Sequence[str], data: str) -> tuple[Any, ...]:
    """Decode the hex answer of an `eth_call`."""
    return tuple(decode(types, bytes.fromhex(data[2:])))


class JsonRpc:
    """One endpoint. Requests are sent over one kept connection; batches are cut to `BATCH_CALLS` calls."""

    def __init__(self, url: str, *, timeout_s: float = 120.0) -> None:
        self.url = url
        parts = urlsplit(url)
        self._connection = HttpConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout_s=timeout_s)

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def wait_until_ready(self, *, timeout_s: float = 60.0) -> int:
        """Return the chain id as soon as the endpoint answers. Raises: SandboxRpcError after `timeout_s`."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            try:
                return int(await self.call("eth_chainId"), 16)
            except OSError as cause:
                if asyncio.get_running_loop().time() > deadline:
                    raise SandboxRpcError(self.url, "eth_chainId", f"no answer after {timeout_s:.0f} s") from cause
                await asyncio.sleep(CONNECT_RETRY_S)

    async def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call. Raises: SandboxRpcError with the endpoint's words."""
        answer = await self.try_call(method, *params)
        if "error" in answer:
            raise SandboxRpcError(self.url, method, str(answer["error"]))
        return answer["result"]

    async def try_call(self, method: str, *params: Any) -> Any:
        """Return the whole answer, error included: to explain a failure."""
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        return await self._post(body)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of `calls` in their order. Raises: SandboxRpcError at the first failed one."""
        results: list[Any] = []
        for start in range(0, len(calls), BATCH_CALLS):
            part = calls[start : start + BATCH_CALLS]
            body = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(part)]
            answers = await self._post(orjson.dumps(body))
            if not isinstance(answers, list):
                raise SandboxRpcError(self.url, part[0][0], str(answers))
            answers.sort(key=lambda answer: int(answer["id"]))
            for answer, (method, _) in zip(answers, part, strict=True):
                if "error" in answer:
                    raise SandboxRpcError(self.url, method, str(answer["error"]))
                results.append(answer["result"])
        return results

    async def in_order(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of `calls`, executed strictly one after the other, which those of a batch are not.

        Raises: SandboxRpcError at the first failed one; the later ones were executed all the same.
        """
        bodies = [orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": m, "params": p}) for m, p in calls]
        answers = [orjson.loads(answer) for answer in await self._connection.post_in_order(bodies)]
        for (method, _), answer in zip(calls, answers, strict=True):
            if "error" in answer:
                raise SandboxRpcError(self.url, method, str(answer["error"]))
        return [answer["result"] for answer in answers]

    async def read(self, to: str, signature: str, *arguments: Any, returns: Sequence[str]) -> tuple[Any, ...]:
        """Return the decoded answer of one view call at the latest block."""
        data = "0x" + encode_call(signature, *arguments).hex()
        return decode_words(returns, await self.call("eth_call", {"to": to, "data": data}, "latest"))

    async def read_many(self, calls: Sequence[tuple[str, bytes]], returns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the decoded answers of many view calls (address, calldata) of the same return types."""
        batch = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in calls]
        return [decode_words(returns, answer) for answer in await self.batch(batch)]

    async def _post(self, body: bytes) -> Any:
        return orjson.loads(await self._connection.post(body))
