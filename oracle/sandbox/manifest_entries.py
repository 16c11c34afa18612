"""From what was deployed and planned to the entries of `world.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from oracle.sandbox.accounts import derive_account
from oracle.sandbox.activity import ChainActivity
from oracle.sandbox.config import HistorySpec
from oracle.sandbox.deploy import BaseDeployment
from oracle.sandbox.manifest import AaveEntry, AccountEntry, BorrowerEntry, ChainEntry, TokenEntry
from oracle.sandbox.population import Borrower
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.reserves import RESERVES

INTEGRATORS = 5
SERVICE_ROLES = ("liquidator", "helper", "supplier", "treasury", "cold-wallet")


def describe_chain(
    chain_id: int, base: BaseDeployment, prices_usd_e8: Mapping[str, int], *, history_start_s: int, history_end_s: int,
    history_end_block: int,
) -> ChainEntry:  # fmt: skip
    """Return the entry of a chain, without URLs and without Assay's contracts."""
    aave = base.aave
    tokens = tuple(
        TokenEntry(
            symbol=r.symbol, address=base.tokens[r.symbol], decimals=r.decimals, feed=base.feeds[r.symbol],
            numeraire=cast("Literal['USD', 'ETH', 'BTC']", r.numeraire), issuer_risk=r.issuer_risk, bridge_risk=r.bridge_risk,
            price_usd_e8=prices_usd_e8[r.symbol], a_token=aave.reserve_tokens[r.symbol][0],
            variable_debt_token=aave.reserve_tokens[r.symbol][2],
        )
        for r in RESERVES
    )  # fmt: skip
    return ChainEntry(
        chain_id=chain_id, rpc_urls=(), start_block=base.start_block, history_end_block=history_end_block,
        history_start_s=history_start_s, history_end_s=history_end_s, tokens=tokens,
        aave=AaveEntry(
            pool=aave.pool, addresses_provider=aave.addresses_provider, configurator=aave.configurator,
            data_provider=aave.data_provider, oracle=aave.oracle, treasury=aave.treasury,
        ),
    )  # fmt: skip


def describe_borrowers(chain_id: int, activity: ChainActivity) -> list[BorrowerEntry]:
    """Return the borrowers of one chain with what happened to them there."""
    debts_usd = activity.portfolio.debt_usd().sum(axis=1)
    return [
        BorrowerEntry(
            address=plan.account, owner=plan.borrower.owner, behaviour=plan.borrower.behaviour,
            chain_ids=(chain_id,) if plan.borrower.has_code else plan.borrower.chain_ids,
            has_code=plan.borrower.has_code, is_delegated=plan.borrower.is_delegated,
            liquidations=activity.liquidated[plan.row], debt_usd=int(debts_usd[plan.row]),
        )
        for plan in activity.plans
    ]  # fmt: skip


def merge_borrowers(entries: Sequence[BorrowerEntry]) -> tuple[BorrowerEntry, ...]:
    """Return one entry per address, with liquidations and debt of all its chains."""
    merged: dict[str, BorrowerEntry] = {}
    for entry in entries:
        known = merged.get(entry.address)
        if known is not None:
            sums = {
                "liquidations": known.liquidations + entry.liquidations,
                "debt_usd": known.debt_usd + entry.debt_usd,
                "chain_ids": tuple(sorted({*known.chain_ids, *entry.chain_ids})),
            }
            entry = known.model_copy(update=sums)
        merged[entry.address] = entry
    return tuple(merged.values())


def describe_representatives(
    population: Sequence[Borrower], entries: Sequence[BorrowerEntry], seed: int
) -> tuple[AccountEntry, ...]:
    """Return a borrower with its key for each behaviour, and one `safe` and one `risky`.

    Preferred is one with a key, on more chains, with debt. Safe: careful and never liquidated. Risky: most often liquidated.
    """
    index_by_owner = {borrower.owner: borrower.index for borrower in population}
    plain = [entry for entry in entries if not entry.has_code and not entry.is_delegated and entry.debt_usd > 0]
    plain.sort(key=lambda entry: (-len(entry.chain_ids), -entry.debt_usd))
    chosen: dict[str, BorrowerEntry] = {}
    for entry in plain:
        chosen.setdefault(entry.behaviour, entry)
    safe = [entry for entry in plain if entry.behaviour == "careful" and entry.liquidations == 0]
    risky = sorted((entry for entry in plain if entry.liquidations > 0), key=lambda entry: -entry.liquidations)
    chosen |= {label: found[0] for label, found in (("safe", safe), ("risky", risky)) if found}
    return tuple(
        _entry(seed, "borrower", index_by_owner[entry.owner], "borrower", label) for label, entry in chosen.items()
    )


def describe_accounts(spec: HistorySpec | ReplaySpec) -> tuple[AccountEntry, ...]:
    """Return every service account of a world with its public test key."""
    accounts = [_entry(spec.seed, f"deployer-{chain_id}", 0, "deployer", str(chain_id)) for chain_id in spec.chain_ids]
    accounts += [_entry(spec.seed, role, 0, role, role) for role in SERVICE_ROLES]
    accounts += [_entry(spec.seed, "integrator", i, "integrator", f"integrator-{i}") for i in range(INTEGRATORS)]
    return tuple(accounts)


def describe_members(seed: int, n: int) -> tuple[AccountEntry, ...]:
    """Return the accounts of the committee's members, in order of their ids."""
    return tuple(_entry(seed, "member", i, "member", f"node-{i}") for i in range(n))


def describe_known(seed: int, name: str, index: int, label: str) -> AccountEntry:
    """Return a borrower whose key is known, by the name and index that it was derived from."""
    return _entry(seed, name, index, "borrower", label)


def _entry(seed: int, name: str, index: int, role: str, label: str) -> AccountEntry:
    account = derive_account(seed, name, index)
    return AccountEntry(role=role, label=label, address=account.address, private_key=account.private_key)
