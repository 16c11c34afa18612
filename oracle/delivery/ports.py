"""What delivery needs from outside: reads and sends on one chain, a signer, a guard of the purse, and time.

`node` wires them: the gateway to JSON-RPC, the signer to a keystore, the guard to the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from oracle.domain.ids import Address, Hash32
from oracle.domain.units import BlockNumber, ChainId, TimestampS


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTip:
    """The newest block, final or not."""

    number: BlockNumber
    time_s: TimestampS
    base_fee_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a transaction that was mined. `is_confirmed` if two endpoints say so; `fee_wei` is None where no two say the same of it."""

    transaction_hash: Hash32
    block_number: BlockNumber
    is_success: bool
    gas_used: int
    is_confirmed: bool
    fee_wei: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log of a contract; `topics` in order."""

    block_number: BlockNumber
    transaction_hash: Hash32
    topics: tuple[Hash32, ...]
    data: bytes


class ChainGateway(Protocol):
    """Reads and sends on one destination chain.

    Raises (every method): `CallRevertedError` if the contract refuses, another `OracleError` with `retryable` if the endpoint fails.
    """

    @property
    def chain_id(self) -> ChainId:
        """Return which chain this is."""
        ...

    async def call(self, calls: Sequence[tuple[Address, bytes]]) -> list[bytes]:
        """Return the answers of view calls on the latest state, in one batch."""
        ...

    async def tip(self) -> BlockTip:
        """Return the newest block."""
        ...

    async def nonce(self, account: Address) -> int:
        """Return the number of mined transactions of `account`."""
        ...

    async def priority_fee_wei(self) -> int:
        """Return the tip that the chain suggests."""
        ...

    async def estimate_gas(self, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> int:
        """Return the gas of a transaction; the simulation reverts where the transaction would."""
        ...

    async def send(self, raw: bytes) -> None:
        """Hand in a signed transaction; handing in a known one again is no error."""
        ...

    async def receipt(self, transaction_hash: Hash32) -> Receipt | None:
        """Return the receipt, None while it is not mined."""
        ...

    async def logs(self, address: Address, topic: Hash32, first: BlockNumber, last: BlockNumber) -> list[Log]:
        """Return the logs of one event of one contract in a range of blocks."""
        ...


class TransactionSigner(Protocol):
    """Signs the hash of a transaction."""

    @property
    def address(self) -> Address:
        """Return who pays."""
        ...

    def sign_digest(self, digest: Hash32) -> bytes:
        """Return r ‖ s ‖ v, v 27 or 28."""
        ...


class SpendGuard(Protocol):
    """Limits what is paid on a chain in a day; what it is told survives the process."""

    def reserve(self, chain_id: ChainId, transaction_hash: Hash32, nonce: int, fee_wei: int) -> None:
        """Set aside up to `fee_wei` for a transaction about to be sent. Raises: SpendingCapError if it could pass the cap."""
        ...

    def release(self, chain_id: ChainId, transaction_hash: Hash32) -> None:
        """Give back what was set aside for a transaction that can never be mined."""
        ...

    def outstanding(self, chain_id: ChainId) -> Sequence[tuple[Hash32, int]]:
        """Return hash and nonce of every transaction that may be mined yet."""
        ...

    def settle(self, chain_id: ChainId, nonce: int, fee_wei: int | None) -> None:
        """Count the fee of a mined transaction, the most that was set aside for its nonce where it is None, and the same for each lower nonce."""
        ...


class Timer(Protocol):
    """Waiting and measuring, so that tests need not wait."""

    def now_ms(self) -> int:
        """Return milliseconds that only grow."""
        ...

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait."""
        ...
