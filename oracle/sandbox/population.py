"""Who borrows: seeded borrowers of several behaviours, some on both chains, some of them contracts.

A behaviour fixes how a borrower acts, not what happens to it: who is liquidated follows from prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from oracle.sandbox.accounts import derive_account


class Behaviour(StrEnum):
    """How a borrower manages its position."""

    CAREFUL = "careful"
    LEVERAGED = "leveraged"
    REACTIVE = "reactive"
    NEGLIGENT = "negligent"
    SERIAL = "serial"
    STAKER = "staker"
    SHORT = "short"
    DORMANT = "dormant"
    NEWCOMER = "newcomer"
    DUST = "dust"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """Parameters of a behaviour; health factors as plain ratios.

    Below `react_below` the borrower acts with `react_chance` per price step and restores `restore_to`. Above `relever_above` it borrows
    back to its target. `idle_days` is the mean time between unforced actions, 0 for none. Positions are opened between the
    shares `opens_from` and `opens_until` of the history.
    """

    share: float
    target_low: float
    target_high: float
    react_below: float = 0.0
    react_chance: float = 0.0
    restore_to: float = 0.0
    relever_above: float = 99.0
    idle_days: float = 0.0
    collaterals: tuple[str, ...] = ("WETH", "WETH", "WBTC", "wstETH")
    debts: tuple[str, ...] = ("USDC", "USDC", "DAI")
    median_usd: float = 20_000.0
    opens_from: float = 0.0
    opens_until: float = 0.7


CONDUCT: dict[Behaviour, Conduct] = {
    Behaviour.CAREFUL: Conduct(
        share=0.15, target_low=1.9, target_high=3.2, react_below=1.55, react_chance=0.9, restore_to=2.1, idle_days=18
    ),
    Behaviour.LEVERAGED: Conduct(
        share=0.16, target_low=1.15, target_high=1.35, react_below=1.10, react_chance=0.18, restore_to=1.28,
        relever_above=1.6, idle_days=8, median_usd=60_000,
    ),
    Behaviour.REACTIVE: Conduct(
        share=0.16, target_low=1.25, target_high=1.6, react_below=1.20, react_chance=0.85, restore_to=1.40, idle_days=12
    ),
    Behaviour.NEGLIGENT: Conduct(share=0.19, target_low=1.18, target_high=1.65, idle_days=30),
    Behaviour.SERIAL: Conduct(
        share=0.10, target_low=1.08, target_high=1.20, relever_above=1.35, idle_days=8, median_usd=12_000
    ),
    Behaviour.STAKER: Conduct(
        share=0.07, target_low=1.05, target_high=1.16, react_below=1.04, react_chance=0.3, restore_to=1.08, idle_days=16,
        collaterals=("wstETH",), debts=("WETH",), median_usd=90_000,
    ),
    Behaviour.SHORT: Conduct(
        share=0.05, target_low=1.10, target_high=1.35, react_below=1.08, react_chance=0.25, restore_to=1.25, idle_days=12,
        collaterals=("USDC", "DAI"), debts=("WETH", "WBTC"),
    ),
    Behaviour.DORMANT: Conduct(share=0.05, target_low=1.5, target_high=3.0, opens_until=0.3),
    Behaviour.NEWCOMER: Conduct(
        share=0.04, target_low=1.3, target_high=2.2, react_below=1.15, react_chance=0.5, restore_to=1.4,
        opens_from=0.78, opens_until=0.99,
    ),
    Behaviour.DUST: Conduct(share=0.03, target_low=1.15, target_high=1.6, idle_days=30, median_usd=60),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrower:
    """One borrower; `owner` is the key that sends, the same as the account unless the account is a contract."""

    index: int
    owner: str
    behaviour: Behaviour
    chain_ids: tuple[int, ...]
    has_code: bool
    is_delegated: bool

    @property
    def conduct(self) -> Conduct:
        """Return the parameters of its behaviour."""
        return CONDUCT[self.behaviour]


def generate_population(
    seed: int, chain_ids: Sequence[int], *, per_chain: int, on_all_chains: int, contracts_per_chain: int
) -> tuple[Borrower, ...]:
    """Return the borrowers: `on_all_chains` of them on every chain, the rest of `per_chain` on one.

    The last `contracts_per_chain` of each chain's own borrowers are contracts; two of each chain's own are EIP-7702 accounts.
    """
    random = Random(f"population/{seed}")
    homes: list[tuple[int, ...]] = [tuple(chain_ids)] * on_all_chains
    kinds: list[str] = ["plain"] * on_all_chains
    for chain_id in chain_ids:
        own = per_chain - on_all_chains
        delegated = min(2, max(0, own - contracts_per_chain))
        plain = own - contracts_per_chain - delegated
        homes += [(chain_id,)] * own
        kinds += ["plain"] * plain + ["delegated"] * delegated + ["contract"] * contracts_per_chain
    behaviours = _spread_behaviours(random, len(homes))
    return tuple(
        Borrower(
            index=index, owner=derive_account(seed, "borrower", index).address, behaviour=behaviour, chain_ids=home,
            has_code=kind == "contract", is_delegated=kind == "delegated",
        )
        for index, (home, kind, behaviour) in enumerate(zip(homes, kinds, behaviours, strict=True))
    )  # fmt: skip


def _spread_behaviours(random: Random, count: int) -> list[Behaviour]:
    """Return each behaviour in its share, at least once if there is room, shuffled."""
    every = list(Behaviour)
    spread = every[:count]
    weights = [CONDUCT[behaviour].share for behaviour in every]
    spread += random.choices(every, weights=weights, k=count - len(spread))
    random.shuffle(spread)
    return spread
