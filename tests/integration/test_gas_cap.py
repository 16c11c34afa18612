"""The daily cap against a real chain: what the account loses there in 24 hours never passes it, across a kill and replaced transactions (V-04)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from oracle.chain.rpc import RpcEndpoint
from oracle.delivery.transactions import FeePolicy, TransactionSender
from oracle.domain.ids import Address, to_hex
from oracle.domain.units import ChainId
from oracle.errors import SpendingCapError, TransactionStuckError
from oracle.node.clock import LoopTimer
from oracle.node.gateway import RpcGateway
from oracle.node.purse import Purse
from oracle.node.stores import Stores
from oracle.sandbox.chains import AnvilChain
from oracle.signing.signer import LocalSigner
from tests.node.test_purse import DAY_S, HOUR_S, SetClock

pytestmark = pytest.mark.anyio
CHAIN = ChainId(31_337)
SIGNER = LocalSigner(b"\x46" * 32)
ANYBODY = Address(b"\x0e" * 20)
ETHER = 10**18
POLICY = FeePolicy(poll_ms=20, replace_after_ms=150, attempts=2)
GWEI = 10**9


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[AnvilChain]:
    running = await AnvilChain.start(CHAIN, directory=tmp_path / "chain", genesis_s=int(time.time()) - 1_000)
    try:
        await running.fund([to_hex(SIGNER.address)], ETHER)
        yield running
    finally:
        await running.stop()


@asynccontextmanager
async def sending(
    chain: AnvilChain, path: Path, clock: SetClock, cap_wei: int
) -> AsyncIterator[tuple[TransactionSender, Purse]]:
    """Yield what a node process sends with; leaving it is the process's end."""
    endpoint = RpcEndpoint(chain.url, CHAIN)
    stores = Stores.open(path, hold=True)
    purse = Purse(stores.spending, clock, cap_wei)
    try:
        yield TransactionSender(RpcGateway(CHAIN, [endpoint]), SIGNER, purse, LoopTimer(), POLICY), purse
    finally:
        stores.database.close()
        await endpoint.close()


@asynccontextmanager
async def mining(chain: AnvilChain) -> AsyncIterator[None]:
    async def mine() -> None:
        while True:
            await asyncio.sleep(0.02)
            await chain.mine()

    task = asyncio.create_task(mine())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def lost_wei(chain: AnvilChain) -> int:
    return ETHER - int(await chain.rpc("eth_getBalance", to_hex(SIGNER.address), "latest"), 16)


async def send_until_refused(sender: TransactionSender) -> tuple[int, SpendingCapError]:
    for sent in range(100):
        try:
            await sender.send(ANYBODY, b"another", what="a report")
        except SpendingCapError as error:
            return sent, error
    raise AssertionError("the cap never refused anything")


async def test_send__replaced_abandoned_and_killed__every_fee_is_counted_and_the_cap_holds(
    chain: AnvilChain, tmp_path: Path
) -> None:
    clock, path, cap_wei = SetClock(DAY_S * 100 - HOUR_S), tmp_path / "node.db", 400_000 * GWEI
    async with sending(chain, path, clock, cap_wei) as (sender, purse):
        with pytest.raises(TransactionStuckError):
            await sender.send(ANYBODY, b"first", what="a report")
        assert len(purse.outstanding(CHAIN)) == 2
    await chain.mine()
    clock.now_s += 2 * HOUR_S

    async with mining(chain), sending(chain, path, clock, cap_wei) as (sender, purse):
        sent, refusal = await send_until_refused(sender)
        spent_wei, on_chain_wei = purse.balance(CHAIN).spent_wei, await lost_wei(chain)

    assert sent > 3
    assert spent_wei == on_chain_wei <= cap_wei
    assert spent_wei + refusal.wanted_wei > cap_wei

    clock.now_s = refusal.resumes_s or 0
    async with mining(chain), sending(chain, path, clock, cap_wei) as (sender, purse):
        await sender.send(ANYBODY, b"next day", what="a report")
        assert await lost_wei(chain) > on_chain_wei
