"""One anvil process per chain: start with state or from nothing, send batches, mine at chosen times, dump, stop by pid.

Automine is off. Transactions wait until `mine`, or until the interval of `start_interval_mining` has passed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oracle.errors import ChainProcessError
from oracle.sandbox.artifacts import find_program
from oracle.sandbox.jsonrpc import JsonRpc, Transaction
from oracle.sandbox.state_file import write_state

BLOCK_GAS_LIMIT = 1_000_000_000
GAS_PRICE_WEI = 3_000_000_000
START_ATTEMPTS = 3
STOP_TIMEOUT_S = 10.0
GENERATED_STATES = 2
SERVED_STATES = 512
"""States kept in memory, about a megabyte each: a served chain has to answer `eth_getCode` at a cut that lies some blocks back."""


def find_free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AnvilChain:
    """A running anvil. Made by `start`; use `stop` to end it."""

    def __init__(self, chain_id: int, port: int, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self.chain_id = chain_id
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log_path = log_path
        self.client = JsonRpc(self.url)
        self._process = process
        self._guard = _spawn_guard(process.pid)
        self._nonces: dict[str, int] = {}

    @classmethod
    async def start(
        cls,
        chain_id: int,
        *,
        directory: Path,
        genesis_s: int,
        port: int = 0,
        state_path: Path | None = None,
        kept_states: int | None = None,
        fork_url: str | None = None,
    ) -> AnvilChain:
        """Start anvil and return when it answers. `port` 0 takes a free one; `kept_states` as a chain with state serves, if None.

        A fork computes no state roots, which are most of a block's cost on a chain with thousands of accounts; its headers have zero there.

        Raises: ChainProcessError if it ends at once, e.g. because the port is in use.
        """
        directory.mkdir(parents=True, exist_ok=True)
        if kept_states is None:
            kept_states = GENERATED_STATES if state_path is None else SERVED_STATES
        for attempt in range(START_ATTEMPTS):
            chosen = port or find_free_port()
            log_path = directory / f"anvil-{chain_id}.log"
            process = _spawn(chain_id, chosen, genesis_s, state_path, log_path, kept_states, fork_url)
            chain = cls(chain_id, chosen, process, log_path)
            try:
                await chain._wait_until_ready()
            except ChainProcessError:
                await chain.stop()
                if port or attempt == START_ATTEMPTS - 1:
                    raise
            else:
                return chain
        raise AssertionError("unreachable")

    @property
    def pid(self) -> int:
        """Process id of this anvil."""
        return self._process.pid

    async def rpc(self, method: str, *params: Any) -> Any:
        """Return the result of one JSON-RPC call."""
        return await self.client.call(method, *params)

    async def read(self, to: str, signature: str, *arguments: Any, returns: Sequence[str]) -> tuple[Any, ...]:
        """Return the decoded answer of one view call at the latest block."""
        return await self.client.read(to, signature, *arguments, returns=returns)

    async def send(self, transactions: Sequence[Transaction]) -> list[str]:
        """Queue transactions in order and return their hashes. Nonces are counted here, which saves a call each."""
        await self._load_nonces([t.sender for t in transactions])
        calls = [("eth_sendTransaction", [self._to_request(transaction)]) for transaction in transactions]
        return [str(result) for result in await self.client.batch(calls)]

    async def mine(self, timestamp_s: int | None = None) -> None:
        """Mine one block, at `timestamp_s` if given (must be later than the last block)."""
        calls: list[tuple[str, Sequence[Any]]] = [("evm_mine", [])]
        if timestamp_s is not None:
            calls.insert(0, ("evm_setNextBlockTimestamp", [timestamp_s]))
        await self.client.batch(calls)

    async def execute(
        self, transactions: Sequence[Transaction], timestamp_s: int | None = None
    ) -> list[dict[str, Any]]:
        """Queue `transactions`, mine one block and return their receipts in order."""
        hashes = await self.send(transactions)
        await self.mine(timestamp_s)
        return await self.fetch_receipts(hashes)

    async def execute_blocks(self, blocks: Sequence[tuple[int, Sequence[Transaction]]]) -> list[list[dict[str, Any]]]:
        """Mine one block for each (time, transactions) and return their receipts: in one go, with nothing in between, in exactly this order."""
        await self._load_nonces([t.sender for _, transactions in blocks for t in transactions])
        calls: list[tuple[str, Sequence[Any]]] = []
        for time_s, transactions in blocks:
            calls += [("eth_sendTransaction", [self._to_request(transaction)]) for transaction in transactions]
            calls.append(("evm_mine", [{"timestamp": time_s}]))
        answers = await self.client.in_order(calls)
        hashes = [a for (method, _), a in zip(calls, answers, strict=True) if method == "eth_sendTransaction"]
        receipts = iter(await self.fetch_receipts(hashes))
        return [[next(receipts) for _ in transactions] for _, transactions in blocks]

    async def fetch_receipts(self, hashes: Sequence[str]) -> list[dict[str, Any]]:
        """Return the receipts of mined transactions."""
        receipts = await self.client.batch([("eth_getTransactionReceipt", [h]) for h in hashes])
        missing = [h for h, receipt in zip(hashes, receipts, strict=True) if receipt is None]
        if missing:
            raise ChainProcessError(self.chain_id, f"{len(missing)} transactions were not mined, first {missing[0]}")
        return receipts

    async def explain_failure(self, transaction: Transaction) -> str:
        """Return what the endpoint says when `transaction` is called again on the latest state."""
        request = self._to_request(transaction)
        request.pop("nonce")
        answers = await self.client.try_call("eth_call", request, "latest")
        return str(answers)

    async def fetch_head(self) -> tuple[int, int]:
        """Return number and timestamp of the latest block."""
        block = await self.rpc("eth_getBlockByNumber", "latest", False)
        return int(block["number"], 16), int(block["timestamp"], 16)

    async def fund(self, addresses: Sequence[str], wei: int) -> None:
        """Give native currency, without a transaction."""
        await self.client.batch([("anvil_setBalance", [address, hex(wei)]) for address in addresses])

    async def dump_state(self, path: Path) -> None:
        """Write the whole chain for `--load-state`: accounts, blocks, receipts with logs, but no call traces."""
        dumped = bytes.fromhex((await self.rpc("anvil_dumpState"))[2:])
        await asyncio.to_thread(write_state, dumped, path, chain_id=self.chain_id)

    async def snapshot(self) -> str:
        """Return the id of a snapshot for `revert`."""
        return str(await self.rpc("evm_snapshot"))

    async def revert(self, snapshot_id: str) -> None:
        """Go back to a snapshot; it is used up."""
        self._nonces.clear()
        if not await self.rpc("evm_revert", snapshot_id):
            raise ChainProcessError(self.chain_id, f"snapshot {snapshot_id} does not exist")

    async def start_interval_mining(self, interval_s: int) -> None:
        """Mine by the wall clock every `interval_s` seconds; 0 stops."""
        await self.rpc("evm_setIntervalMining", interval_s)

    async def stop(self) -> None:
        """End the process by its id, politely first."""
        await self.client.close()
        _end_guard(self._guard)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(self._process.wait, STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.kill(self._process.pid, signal.SIGKILL)
                await asyncio.to_thread(self._process.wait)

    def forget_nonces(self) -> None:
        """Read the nonces again at the next `send`, after others have sent from the same accounts."""
        self._nonces.clear()

    async def _load_nonces(self, senders: Sequence[str]) -> None:
        unknown = list(dict.fromkeys(sender for sender in senders if sender not in self._nonces))
        counts = await self.client.batch([("eth_getTransactionCount", [sender, "pending"]) for sender in unknown])
        self._nonces.update({sender: int(count, 16) for sender, count in zip(unknown, counts, strict=True)})

    def _to_request(self, transaction: Transaction) -> dict[str, str]:
        nonce = self._nonces.get(transaction.sender, 0)
        self._nonces[transaction.sender] = nonce + 1
        request = {
            "from": transaction.sender,
            "data": "0x" + transaction.data.hex(),
            "gas": hex(transaction.gas),
            "gasPrice": hex(GAS_PRICE_WEI),
            "nonce": hex(nonce),
            "value": hex(transaction.value_wei),
        }
        if transaction.to is not None:
            request["to"] = transaction.to
        return request

    async def _wait_until_ready(self) -> None:
        waiting = asyncio.ensure_future(self.client.wait_until_ready())
        while not waiting.done():
            if self._process.poll() is not None:
                waiting.cancel()
                words = self.log_path.read_text(errors="replace").strip()[-500:]
                raise ChainProcessError(self.chain_id, f"anvil ended with code {self._process.returncode}: {words}")
            await asyncio.wait([waiting], timeout=0.05)
        if waiting.result() != self.chain_id:
            raise ChainProcessError(self.chain_id, f"port {self.port} answers for chain {waiting.result()}")


def _spawn(
    chain_id: int,
    port: int,
    genesis_s: int,
    state_path: Path | None,
    log_path: Path,
    kept_states: int,
    fork_url: str | None,
) -> subprocess.Popen[bytes]:
    command = [
        str(find_program("anvil")), "--quiet", "--chain-id", str(chain_id), "--port", str(port), "--accounts", "1",
        "--hardfork", "prague", "--slots-in-an-epoch", "1", "--no-mining", "--order", "fifo", "--auto-impersonate",
        "--prune-history", str(kept_states),
        "--gas-limit", str(BLOCK_GAS_LIMIT), "--no-request-size-limit",
    ]  # fmt: skip
    # A fork takes its first time from what it forks.
    command += ["--timestamp", str(genesis_s)] if fork_url is None else ["--fork-url", fork_url, "--no-storage-caching"]
    if state_path is not None:
        command += ["--load-state", str(state_path)]
    with log_path.open("wb") as log:
        # A session of its own: Ctrl-C in the terminal reaches only the world, which then stops the chains in order.
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def _spawn_guard(pid: int) -> subprocess.Popen[bytes]:
    """Start a shell that ends `pid` when its standard input ends, which happens however we die."""
    command = ["sh", "-c", 'cat >/dev/null; kill "$0" 2>/dev/null', str(pid)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _end_guard(guard: subprocess.Popen[bytes]) -> None:
    guard.kill()
    guard.wait()
    if guard.stdin is not None:
        guard.stdin.close()
