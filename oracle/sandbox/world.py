"""A running world: two chains from cached history, a relay in front of each, Assay's contracts, prices that can be moved.

`start_world` takes the history from the cache (building it once), loads it, brings prices and clock to now and starts mining. Use it as
`async with await start_world(config) as world`.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from oracle.errors import ChainPortInUseError, ChainProcessError, ConfigurationError
from oracle.sandbox import run_lock
from oracle.sandbox.aave import Deployer
from oracle.sandbox.artifacts import REPOSITORY
from oracle.sandbox.assay import deploy_assay
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.config import SandboxConfig
from oracle.sandbox.deploy import FUNDING_WEI, update_feed
from oracle.sandbox.history import MANIFEST_FILE, Progress, ensure_history, forget_oldest, state_path
from oracle.sandbox.jsonrpc import Transaction
from oracle.sandbox.manifest import WorldManifest
from oracle.sandbox.relay_process import RelayProcess

KEPT_RUNS = 20
CATCH_UP_S = 25
"""Blocks between history and now (prices, deployment) get consecutive seconds that end about now."""
FUNDED_ROLES = ("member", "integrator", "liquidator", "deployer")


class World:
    """What runs, and how to move it. `manifest` says where everything is."""

    def __init__(self, config: SandboxConfig, directory: Path, manifest: WorldManifest) -> None:
        self.config = config
        self.directory = directory
        self.manifest = manifest
        self._chains: dict[int, AnvilChain] = {}
        self._relay: RelayProcess | None = None
        self._run_lock: TextIO | None = None
        self._locks: dict[int, asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def manifest_path(self) -> Path:
        """Where `world.json` of this run is."""
        return self.directory / MANIFEST_FILE

    @property
    def chain_ids(self) -> tuple[int, ...]:
        """Chains of the world, ascending."""
        return tuple(self._chains)

    def chain(self, chain_id: int) -> AnvilChain:
        """Return a running chain; `await world.chain(31337).rpc("eth_blockNumber")`. Raises: KeyError."""
        return self._chains[chain_id]

    async def set_price(self, symbol: str, price_usd_e8: int, *, chain_id: int | None = None) -> None:
        """Write a feed's answer on one chain, or on all, and mine it."""
        chosen = self._chains if chain_id is None else {chain_id: self._chains[chain_id]}
        await asyncio.gather(*(self._write_prices(i, {symbol: price_usd_e8}) for i in chosen))

    async def refresh_prices(self) -> None:
        """Write every feed's present answer again, so that it is as new as the clock."""
        await asyncio.gather(*(self._refresh_chain(chain_id) for chain_id in self._chains))

    async def fetch_price(self, symbol: str, *, chain_id: int) -> int:
        """Return a feed's answer, in 10^-8 dollars."""
        feed = self.manifest.chain(chain_id).token(symbol).feed
        (answer,) = await self.chain(chain_id).read(feed, "latestAnswer()", returns=("int256",))
        return int(answer)

    async def execute(self, chain_id: int, transactions: Sequence[Transaction]) -> list[dict[str, Any]]:
        """Send unsigned transactions from any accounts, mine them and return the receipts."""
        return await self._execute(chain_id, transactions)

    async def mine(self, blocks: int = 1, *, timestamp_s: int | None = None) -> None:
        """Mine blocks on every chain; the first at `timestamp_s` if given."""
        for chain in self._chains.values():
            await chain.mine(timestamp_s)
            for _ in range(blocks - 1):
                await chain.mine()

    async def set_block_interval(self, interval_s: int) -> None:
        """Mine by the wall clock every `interval_s` seconds; 0 stops."""
        for chain in self._chains.values():
            await chain.start_interval_mining(interval_s)

    async def snapshot(self) -> dict[int, str]:
        """Return snapshot ids by chain. Whoever indexes the chains sees a later `revert` as a reorg."""
        return {chain_id: await chain.snapshot() for chain_id, chain in self._chains.items()}

    async def revert(self, snapshot: Mapping[int, str]) -> None:
        """Go back to a snapshot on every chain; it is used up."""
        for chain_id, snapshot_id in snapshot.items():
            await self.chain(chain_id).revert(snapshot_id)

    async def stop(self) -> None:
        """End the relay and the chains, each by its process id."""
        if self._relay is not None:
            await self._relay.stop()
            self._relay = None
        await asyncio.gather(*(chain.stop() for chain in self._chains.values()))
        self._chains.clear()
        if self._run_lock is not None:
            self._run_lock.close()
            self._run_lock = None

    async def start(self, history: Path) -> None:
        """Load the chains, bring them to now, deploy, relay, write `world.json`, and mine."""
        config = self.config
        spec = config.history
        if len(config.ports) != len(spec.chain_ids) or len(config.relay_ports) != len(spec.chain_ids):
            raise ConfigurationError(f"give one port and one relay port for each of the {len(spec.chain_ids)} chains")
        require_free_ports(config)
        self._run_lock = run_lock.hold(self.directory / "lock", "world")
        starting = [
            AnvilChain.start(
                i,
                directory=self.directory,
                genesis_s=1,
                port=port,
                state_path=state_path(history, i),
            )
            for i, port in zip(spec.chain_ids, config.ports, strict=True)
        ]
        started = await asyncio.gather(*starting, return_exceptions=True)
        self._chains = {chain.chain_id: chain for chain in started if isinstance(chain, AnvilChain)}
        for failure in started:
            if isinstance(failure, BaseException):
                raise failure
        self._relay = await RelayProcess.start(self._chains, config.relay_ports, self.directory / "relay.log")
        relay_urls = self._relay.urls
        await self._catch_up()
        chains = tuple(
            entry.model_copy(update={"rpc_urls": (self._chains[entry.chain_id].url, relay_urls[entry.chain_id])})
            for entry in self.manifest.chains
        )
        self.manifest = self.manifest.model_copy(update={"chains": chains})
        self.manifest.write(self.manifest_path)
        if self.manifest.replay is not None:
            shutil.copyfile(history / self.manifest.replay.report, self.directory / self.manifest.replay.report)
        if config.block_interval_s:
            await self.set_block_interval(config.block_interval_s)

    async def _catch_up(self) -> None:
        deployers = {}
        for chain_id, chain in self._chains.items():
            _, head_s = await chain.fetch_head()
            clock_s = max(head_s, int(time.time()) - CATCH_UP_S)
            await self._write_prices(chain_id, await self._standing_prices(chain_id), timestamp_s=clock_s + 1)
            owner = self.manifest.account("deployer", str(chain_id)).address
            nonce = int(await chain.rpc("eth_getTransactionCount", owner, "latest"), 16)
            deployers[chain_id] = Deployer(chain=chain, address=owner, clock_s=clock_s + 1, block_s=1, nonce=nonce)
        self.manifest = await deploy_assay(self.config, self.manifest, deployers)
        funded = [account.address for account in self.manifest.accounts if account.role in FUNDED_ROLES]
        for chain_id, chain in self._chains.items():
            await chain.fund(funded, FUNDING_WEI)
            await chain.mine(max(int(time.time()), deployers[chain_id].clock_s + 1))

    async def _standing_prices(self, chain_id: int) -> dict[str, int]:
        tokens = self.manifest.chain(chain_id).tokens
        return {token.symbol: await self.fetch_price(token.symbol, chain_id=chain_id) for token in tokens}

    async def _refresh_chain(self, chain_id: int) -> None:
        await self._write_prices(chain_id, await self._standing_prices(chain_id))

    async def _write_prices(self, chain_id: int, prices: Mapping[str, int], timestamp_s: int | None = None) -> None:
        entry = self.manifest.chain(chain_id)
        owner = self.manifest.account("deployer", str(chain_id)).address
        updates = [update_feed(owner, entry.token(symbol).feed, price) for symbol, price in prices.items()]
        receipts = await self._execute(chain_id, updates, timestamp_s)
        if any(receipt["status"] != "0x1" for receipt in receipts):
            raise ChainProcessError(chain_id, f"a price of {', '.join(prices)} was not accepted by its feed")

    async def _execute(
        self, chain_id: int, transactions: Sequence[Transaction], timestamp_s: int | None = None
    ) -> list[dict[str, Any]]:
        """One sender at a time per chain: nonces are read, counted and used up in one go."""
        async with self._locks.setdefault(chain_id, asyncio.Lock()):
            chain = self.chain(chain_id)
            chain.forget_nonces()
            return await chain.execute(transactions, timestamp_s)


async def start_world(config: SandboxConfig | None = None, *, on_progress: Progress | None = None) -> World:
    """Return a running world.

    Raises: SandboxError if a program or artifact is missing, a port is in use, or a deployment is reverted.
    """
    config = config or SandboxConfig()
    require_free_ports(config)
    history = await ensure_history(
        config.history, config.cache_directory, max_age_days=config.max_cache_age_days, on_progress=on_progress
    )
    world = World(config, _make_run_directory(config), WorldManifest.read(history / MANIFEST_FILE))
    try:
        await world.start(history)
    except BaseException:
        await world.stop()
        raise
    return world


def require_free_ports(config: SandboxConfig) -> None:
    """Raise ChainPortInUseError if a chosen port is taken: a chain of the same id may listen there and would answer in place of ours."""
    for port in filter(None, (*config.ports, *config.relay_ports)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise ChainPortInUseError(port) from error


def _make_run_directory(config: SandboxConfig) -> Path:
    if config.run_directory is not None:
        try:
            config.run_directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"--directory {config.run_directory}: {error.strerror}: name a folder") from error
        return config.run_directory
    parent = REPOSITORY / "build" / "sandbox"
    parent.mkdir(parents=True, exist_ok=True)
    forget_oldest(parent, keep=KEPT_RUNS)
    return Path(tempfile.mkdtemp(prefix="world-", dir=parent))
