"""The operator's purse: what is spent on each chain within any 24 hours, and the cap that nothing passes. Survives a restart.

What is handed in counts in full until it is known what it cost: of transactions with one nonce the dearest. Fees count by the hour in which they became
known, and for a little more than 24 hours, so the sum over any 24 hours stays under the cap (V-04). A nonce below a mined one is mined too, so what it can
have cost counts in full if its receipt was never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.domain.ids import Hash32
from oracle.domain.units import ChainId
from oracle.errors import SpendingCapError
from oracle.node.clock import Clock
from oracle.storage.spending import Reservation, SpendStore, most_wei

WINDOW_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How a chain's day stands."""

    spent_wei: int
    reserved_wei: int
    cap_wei: int


class Purse:
    """Implements the `SpendGuard` of `oracle.delivery`."""

    def __init__(self, spending: SpendStore, clock: Clock, daily_cap_wei: int) -> None:
        self._spending = spending
        self._clock = clock
        self._daily_cap_wei = daily_cap_wei

    def reserve(self, chain_id: ChainId, transaction_hash: Hash32, nonce: int, fee_wei: int) -> None:
        """Set aside what a transaction may cost, on disk, before it is handed in.

        Raises:
            SpendingCapError: if the last 24 hours, what may be mined yet and this one could pass the cap.
        """
        wanted = Reservation(transaction_hash=transaction_hash, nonce=nonce, fee_wei=fee_wei)
        spent_wei = self._spent_wei(chain_id)
        reserved_wei = most_wei((*self._spending.reservations(chain_id), wanted))
        if spent_wei + reserved_wei > self._daily_cap_wei:
            resumes_s = self._spending.first_spend_s(chain_id, self._now_s() - WINDOW_S)
            resumes_s = None if resumes_s is None else resumes_s + WINDOW_S
            raise SpendingCapError(chain_id, spent_wei, fee_wei, self._daily_cap_wei, resumes_s)
        self._spending.reserve(chain_id, wanted)

    def release(self, chain_id: ChainId, transaction_hash: Hash32) -> None:
        """Give back what was set aside for a transaction that can never be mined."""
        self._spending.release(chain_id, transaction_hash)

    def outstanding(self, chain_id: ChainId) -> Sequence[tuple[Hash32, int]]:
        """Return hash and nonce of what may be mined yet, also of what an earlier process handed in."""
        return tuple((r.transaction_hash, r.nonce) for r in self._spending.reservations(chain_id))

    def settle(self, chain_id: ChainId, nonce: int, fee_wei: int | None) -> None:
        """Count a fee that was paid, as much as was set aside where it is None; everything with this nonce or a lower one is done with."""
        self._spending.settle(chain_id, nonce, fee_wei, self._now_s())

    def balance(self, chain_id: ChainId) -> Balance:
        """Return how the last 24 hours stand."""
        reserved_wei = most_wei(self._spending.reservations(chain_id))
        return Balance(spent_wei=self._spent_wei(chain_id), reserved_wei=reserved_wei, cap_wei=self._daily_cap_wei)

    def _spent_wei(self, chain_id: ChainId) -> int:
        return self._spending.spent_since_wei(chain_id, self._now_s() - WINDOW_S)

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1_000


class NoCap:
    """A `SpendGuard` for what an operator sends by hand, having seen what it costs."""

    def reserve(self, chain_id: ChainId, transaction_hash: Hash32, nonce: int, fee_wei: int) -> None:
        """Allow everything."""

    def release(self, chain_id: ChainId, transaction_hash: Hash32) -> None:
        """Nothing was set aside."""

    def outstanding(self, chain_id: ChainId) -> Sequence[tuple[Hash32, int]]:
        """Nothing is remembered."""
        return ()

    def settle(self, chain_id: ChainId, nonce: int, fee_wei: int | None) -> None:
        """Nothing is counted."""
