"""From what was deployed and planned to the entries of `world.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from oracle.sandbox.accounts import derive_account
from oracle.sandbox.config import HistorySpec
from oracle.sandbox.decisions import BorrowerPlan
from oracle.sandbox.deploy import BaseDeployment
from oracle.sandbox.manifest import AaveEntry, AccountEntry, BorrowerEntry, ChainEntry, TokenEntry
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


def describe_borrowers(chain_id: int, plans: Sequence[BorrowerPlan]) -> list[BorrowerEntry]:
    """Return the borrowers of one chain; those of several chains appear once, with the first chain that has them."""
    return [
        BorrowerEntry(
            address=plan.account, owner=plan.borrower.owner, behaviour=plan.borrower.behaviour,
            chain_ids=(chain_id,) if plan.borrower.has_code else plan.borrower.chain_ids,
            has_code=plan.borrower.has_code, is_delegated=plan.borrower.is_delegated,
        )
        for plan in plans
        if plan.borrower.chain_ids[0] == chain_id
    ]  # fmt: skip


def describe_accounts(spec: HistorySpec) -> tuple[AccountEntry, ...]:
    """Return every service account of a world with its public test key."""
    accounts = [_entry(spec.seed, f"deployer-{chain_id}", 0, "deployer", str(chain_id)) for chain_id in spec.chain_ids]
    accounts += [_entry(spec.seed, role, 0, role, role) for role in SERVICE_ROLES]
    accounts += [_entry(spec.seed, "integrator", i, "integrator", f"integrator-{i}") for i in range(INTEGRATORS)]
    return tuple(accounts)


def describe_members(seed: int, n: int) -> tuple[AccountEntry, ...]:
    """Return the accounts of the committee's members, in order of their ids."""
    return tuple(_entry(seed, "member", i, "member", f"node-{i}") for i in range(n))


def _entry(seed: int, name: str, index: int, role: str, label: str) -> AccountEntry:
    account = derive_account(seed, name, index)
    return AccountEntry(role=role, label=label, address=account.address, private_key=account.private_key)
