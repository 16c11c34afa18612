"""What a provider of an endpoint can do wrong, as faults of a `Relay`: it goes on answering, but not what the chain says.

A fault sees each request and the chain's honest answer. Those that lie rewrite the answer; those that fail replace it. Set `relay.fault` to one of them,
and to None to be honest again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any

import orjson

from oracle.sandbox.relay import Fault, Reply

type Change = Callable[[str, Sequence[Any], Any], Any]
"""(method, parameters, honest answer) to the JSON-RPC answer that is given, with `result` or `error`."""


def rewrite(change: Change) -> Callable[[bytes, bytes], bytes]:
    """Return a fault that changes single answers inside a batch."""

    def fault(request: bytes, answer: bytes) -> bytes:
        calls, answers = orjson.loads(request), orjson.loads(answer)
        if not isinstance(calls, list):
            return orjson.dumps(change(calls["method"], calls.get("params", []), answers))
        asked = {call["id"]: call for call in calls}
        return orjson.dumps([change(asked[a["id"]]["method"], asked[a["id"]]["params"], a) for a in answers])

    return fault


def change_logs(change: Callable[[list[Any]], list[Any]]) -> Fault:
    """Return a fault that changes the list of logs of each `eth_getLogs`."""

    def rewrite_logs(method: str, _: Sequence[Any], answer: Any) -> Any:
        if method != "eth_getLogs" or "result" not in answer:
            return answer
        return {**answer, "result": change(answer["result"])}

    return rewrite(rewrite_logs)


def truncate_logs(kept: int) -> Fault:
    """Return a fault that silently cuts lists of logs off, as some providers do."""
    return change_logs(lambda logs: logs[:kept])


def drop_logs_of(block_number: int) -> Fault:
    """Return a fault that hides the logs of one block."""
    return change_logs(lambda logs: [log for log in logs if int(log["blockNumber"], 16) != block_number])


def double_logs() -> Fault:
    """Return a fault that gives the last log twice."""
    return change_logs(lambda logs: logs + logs[-1:])


def reorder_logs() -> Fault:
    """Return a fault that gives logs from last to first."""
    return change_logs(lambda logs: logs[::-1])


def change_hash(block_number: int | None = None) -> Fault:
    """Return a fault that names another hash for a block, for every block if none is given."""

    def rewrite_block(method: str, _: Sequence[Any], answer: Any) -> Any:
        block = answer.get("result")
        if method != "eth_getBlockByNumber" or block is None:
            return answer
        if block_number is not None and int(block["number"], 16) != block_number:
            return answer
        return {**answer, "result": {**block, "hash": "0x" + "ee" * 32}}

    return rewrite(rewrite_block)


class Lag:
    """A fault that stays at the finalised block that it saw first, as an endpoint whose node no longer follows."""

    def __init__(self) -> None:
        self._head: dict[str, Any] | None = None

    def __call__(self, request: bytes, answer: bytes) -> bytes:
        """Answer as the chain was."""
        return rewrite(self._freeze)(request, answer)

    def _freeze(self, method: str, params: Sequence[Any], answer: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "finalized":
            self._head = self._head or answer["result"]
            return {**answer, "result": self._head}
        if method == "eth_getBlockByNumber" and self._head is not None and answer.get("result") is not None:
            is_later = int(answer["result"]["number"], 16) > int(self._head["number"], 16)
            return {**answer, "result": None} if is_later else answer
        return answer


def overwrite(method: str, field: str, value: object) -> Fault:
    """Return a fault that gives one field of a method's result, or of each item in it, another value, of whatever shape."""

    def spoil(result: Any) -> Any:
        if isinstance(result, list):
            return [spoil(item) for item in result]
        return {**result, field: value} if isinstance(result, dict) else result

    def rewrite_field(asked: str, _: Sequence[Any], answer: Any) -> Any:
        return {**answer, "result": spoil(answer["result"])} if asked == method and "result" in answer else answer

    return rewrite(rewrite_field)


def serve_chain(chain_id: int) -> Fault:
    """Return a fault that answers for another chain."""

    def rewrite_id(method: str, _: Sequence[Any], answer: Any) -> Any:
        return {**answer, "result": hex(chain_id)} if method == "eth_chainId" else answer

    return rewrite(rewrite_id)


def refuse(method: str, code: int, message: str) -> Fault:
    """Return a fault that answers one method with a JSON-RPC error."""

    def rewrite_error(asked: str, _: Sequence[Any], answer: Any) -> Any:
        if asked != method:
            return answer
        return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": code, "message": message}}

    return rewrite(rewrite_error)


def forget_states() -> Fault:
    """Return a fault of an endpoint that keeps no old state."""
    return refuse("eth_getCode", -32_000, "missing trie node: state is not available")


def limit_rate(retry_after_s: int | None = None) -> Fault:
    """Return a fault that answers HTTP 429 to everything."""
    headers = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
    return lambda *_: Reply(status="429 Too Many Requests", headers=headers, body=b"slow down")


def limit_rate_in_json() -> Fault:
    """Return a fault that answers each call with -32005, as some providers do under HTTP 200."""

    def rewrite_error(_method: str, _params: Sequence[Any], answer: Any) -> Any:
        error = {"code": -32_005, "message": "daily request count exceeded, request rate limited"}
        return {"jsonrpc": "2.0", "id": answer["id"], "error": error}

    return rewrite(rewrite_error)


def answer_html() -> Fault:
    """Return a fault that answers with a page for people."""
    page = b"<!doctype html><title>Under maintenance</title>"
    return lambda *_: Reply(headers=(("Content-Type", "text/html"),), body=page)


def close_midway() -> Fault:
    """Return a fault that closes the connection in the middle of an answer."""
    return lambda _, answer: Reply(body=answer, sent_bytes=len(answer) // 2)


def stay_silent(delay_s: float) -> Fault:
    """Return a fault that answers too late."""
    return lambda _, answer: Reply(body=answer, delay_s=delay_s)


def hang_up() -> Fault:
    """Return a fault that closes the connection without an answer."""
    return lambda *_: None


def date_answers(now_s: Callable[[], float]) -> Fault:
    """Return a fault that dates answers by another clock."""
    return lambda _, answer: Reply(headers=(("Date", formatdate(now_s(), usegmt=True)),), body=answer)
