"""`assay dispute demand | answer | void | collect | settle`: hidden vectors from both sides, and the challenger's pay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from oracle.delivery.codec import decode_head, encode_head, selector
from oracle.delivery.dispute_codec import (
    Standing,
    encode_demand,
    encode_owed,
    encode_settle,
    encode_void,
)
from oracle.domain.ids import Address, to_hex
from oracle.domain.units import ChainId, Epoch
from oracle.errors import EvidenceError
from oracle.node.dispute.access import make_sending, open_evidence
from oracle.node.dispute.answering import DemandAnswerer
from oracle.node.dispute.court import Court
from oracle.node.dispute.inquiry import Inquiry
from oracle.node.dispute.offences import Entry
from oracle.node.dispute.options import CONFIG, EPOCH, KEYSTORE, MAX_FEE, NODE, SEND, leave_with
from oracle.node.dispute.sources import NodeSources
from oracle.node.settings import LocalSettings, load_settings
from oracle.node.stores import Stores
from oracle.node.verify_commands import subjects_of

LEAVES = Annotated[str | None, typer.Option(help="File or URL with the report's leaves; else nodes, then the chains.")]
CHAIN = Annotated[int | None, typer.Option(help="Only on this chain; every chain that takes demands if left out.")]
_console = Console(soft_wrap=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the commands have in common."""

    settings: LocalSettings
    courts: Mapping[ChainId, Court]
    is_sending: bool


def register(app: typer.Typer) -> None:
    """Add the commands to `assay dispute`."""
    for command in (demand, answer, void, collect, settle):
        app.command()(command)


def demand(
    subject: Annotated[str, typer.Argument(help="Whose entry: an address or a subject id.")],
    epoch: EPOCH = None,
    leaves: LEAVES = None,
    node: NODE = None,
    chain_id: CHAIN = None,
    config: CONFIG = Path("node.toml"),
    send: SEND = False,
    key: KEYSTORE = None,
    max_fee_gwei: MAX_FEE = 500,
) -> None:
    """Demand the vector behind an entry, with a bond that whoever shows it gets; if nobody does, the leaf is void."""

    async def run() -> bool:
        async with _open(config, chain_id, send=send, key=key, max_fee_gwei=max_fee_gwei) as asked:
            return await _demand(asked, subject, epoch, leaves, node)

    leave_with(run())


def answer(
    chain_id: CHAIN = None,
    config: CONFIG = Path("node.toml"),
    send: SEND = False,
    key: KEYSTORE = None,
    max_fee_gwei: MAX_FEE = 500,
) -> None:
    """Show the vectors of open demands from this node's database; a running node does so by itself."""

    async def run() -> bool:
        async with _open(config, chain_id, send=send, key=key, max_fee_gwei=max_fee_gwei) as asked:
            stores = Stores.open(asked.settings.database, hold=False)
            try:
                return all([await _answer(asked, chain, court, stores) for chain, court in asked.courts.items()])
            finally:
                stores.database.close()

    leave_with(run())


def void(
    subject: Annotated[str, typer.Argument(help="Whose entry: an address or a subject id.")],
    epoch: Annotated[int, typer.Option(help="Epoch of the report.")],
    leaves: LEAVES = None,
    node: NODE = None,
    chain_id: CHAIN = None,
    config: CONFIG = Path("node.toml"),
    send: SEND = False,
    key: KEYSTORE = None,
    max_fee_gwei: MAX_FEE = 500,
) -> None:
    """Void an entry whose vector was demanded and not shown in time."""

    async def run() -> bool:
        async with _open(config, chain_id, send=send, key=key, max_fee_gwei=max_fee_gwei) as asked:
            are_well = []
            for chain, court in asked.courts.items():
                entry = await _find_entry(asked.settings, court, Epoch(epoch), subject, leaves, node)
                data = encode_void(Epoch(epoch), entry.encoded)
                are_well.append(await _do(asked, chain, court, data, what="voiding a hidden leaf"))
            return all(are_well)

    leave_with(run())


def collect(
    chain_id: CHAIN = None,
    config: CONFIG = Path("node.toml"),
    send: SEND = False,
    key: KEYSTORE = None,
    max_fee_gwei: MAX_FEE = 500,
) -> None:
    """Take the bonds that the sender is owed: of vectors it showed, and of its own demands that nobody answered."""

    async def run() -> bool:
        async with _open(config, chain_id, send=send, key=key, max_fee_gwei=max_fee_gwei) as asked:
            are_well = []
            for chain, court in asked.courts.items():
                owed_wei = await court.read("owedWei", encode_owed(court.caller))
                _console.print(f"chain {chain}: {owed_wei} wei are owed to {to_hex(court.caller)}")
                if owed_wei:
                    are_well.append(await _do(asked, chain, court, selector("collect()"), what="collecting"))
            return all(are_well)

    leave_with(run())


def settle(
    config: CONFIG = Path("node.toml"),
    send: SEND = False,
    key: KEYSTORE = None,
    max_fee_gwei: MAX_FEE = 500,
) -> None:
    """Pay what was taken, half to each case's challenger and half burned, once its window is over."""

    async def run() -> bool:
        async with _open(config, None, send=send, key=key, max_fee_gwei=max_fee_gwei) as asked:
            return await _settle(asked)

    leave_with(run())


@asynccontextmanager
async def _open(
    config: Path, chain_id: int | None, *, send: bool, key: Path | None, max_fee_gwei: int
) -> AsyncIterator[_Asked]:
    settings = load_settings(config)
    sending = make_sending(settings, send=send, key=key, max_fee_gwei=max_fee_gwei)
    async with open_evidence(settings) as evidence:
        courts = await sending.courts({c: e for c, e in evidence.items() if chain_id in (None, c)})
        if not courts:
            raise EvidenceError("no such chain has a dispute contract: its oracle names none")
        yield _Asked(settings=settings, courts=courts, is_sending=send)


async def _demand(asked: _Asked, subject: str, epoch: int | None, leaves: str | None, node: list[str] | None) -> bool:
    for chain, court in asked.courts.items():
        bond_wei, window_s = await court.fetch_demand_terms()
        if window_s == 0:
            _console.print(f"chain {chain}: takes no demands")
            continue
        (head,) = await court.evidence.gateway.call([(court.evidence.oracle, encode_head())])
        chosen = decode_head(head).epoch if epoch is None else Epoch(epoch)
        entry = await _find_entry(asked.settings, court, chosen, subject, leaves, node)
        _console.print(
            f"chain {chain}: the bond is {bond_wei} wei, lost if the vector is shown within {window_s} s; "
            f"epoch {chosen}, leaf {to_hex(entry.leaf)}"
        )
        data = encode_demand(chosen, entry.encoded, entry.proof)
        return await _do(asked, chain, court, data, what="demanding a vector", value_wei=bond_wei)
    return False


async def _answer(asked: _Asked, chain: ChainId, court: Court, stores: Stores) -> bool:
    gateway = court.evidence.gateway
    answerer = DemandAnswerer(gateway, court.contract, stores.scores)
    demanded = await answerer.fetch_demanded(*await court.evidence.recent_blocks())
    are_well = []
    for item, found in zip(demanded, await answerer.fetch_demands(demanded), strict=True):
        if found.standing is not Standing.OPEN:
            continue
        data = answerer.make_answer(item)
        if data is None:
            _console.print(
                f"[red]red[/red]   chain {chain}: leaf {to_hex(item.leaf)} of epoch {item.epoch} is not kept here"
            )
            are_well.append(False)
        else:
            are_well.append(await _do(asked, chain, court, data, what="showing a vector"))
    if not are_well:
        _console.print(f"chain {chain}: no demand is open")
    return all(are_well)


async def _settle(asked: _Asked) -> bool:
    is_home, are_well = False, [True]
    for chain, court in asked.courts.items():
        stake = await court.fetch_stake()
        if stake is None:
            continue
        is_home = True
        for number, case in (await court.fetch_cases(stake)).items():
            if not case.pending_amount:
                continue
            _console.print(
                f"chain {chain}: case {number}: {case.pending_amount} of {to_hex(stake.token)}, half of it to {to_hex(case.challenger)}"
            )
            data = encode_settle(number)
            are_well.append(await _do(asked, chain, court, data, what=f"settling case {number}", to=stake.contract))
    if not is_home:
        raise EvidenceError("no chain of the config is the home chain: nothing is staked there")
    return all(are_well)


async def _do(
    asked: _Asked,
    chain: ChainId,
    court: Court,
    data: bytes,
    *,
    what: str,
    value_wei: int = 0,
    to: Address | None = None,
) -> bool:
    """Say what a call costs, and send it if told to; return whether it was sent."""
    if asked.is_sending or not value_wei:
        prospect = await court.try_out(data, value_wei=value_wei, to=to)
        if prospect.refusal:
            _console.print(f"[red]red[/red]   chain {chain}: {what}: {escape(prospect.refusal)}")
            return False
        _console.print(f"chain {chain}: {what}: {prospect.gas:,} gas, at most {prospect.fee_wei / 10**18:.6f} native")
    if not asked.is_sending:
        return False
    receipt = await court.send(data, what=what, value_wei=value_wei, to=to)
    _console.print(f"[green]done[/green]  chain {chain}: {what} in {to_hex(receipt.transaction_hash)}")
    return True


async def _find_entry(
    settings: LocalSettings, court: Court, epoch: Epoch, subject: str, leaves: str | None, node: list[str] | None
) -> Entry:
    """Return the subject's entry in the report that a chain holds.

    Raises:
        EvidenceError: if there is none, or nobody has the report's entries.
    """
    evidence = court.evidence
    publication = await evidence.fetch_recent(epoch)
    if publication is None:
        raise EvidenceError(f"chain {evidence.gateway.chain_id} has no report of epoch {epoch} in its newest blocks")
    chain_id = evidence.gateway.chain_id
    nodes = NodeSources(node or list(settings.peers.values()))
    inquiry = Inquiry({chain_id: evidence}, nodes, leaves=leaves, score_vector=lambda _entry, _vector: None)
    entries, is_whole = await inquiry.entries({chain_id: publication})
    wanted = subjects_of(subject, tuple(ChainId(chain.chain_id) for chain in settings.chains))
    found = next((entry for entry in entries if entry.subject in wanted), None)
    if found is None:
        where = "in the report" if is_whole else "among the posted entries: give --leaves or --node"
        raise EvidenceError(f"{subject} is not {where}")
    return found
