"""Takes an offence to every chain's dispute contract: says what that brings and costs, and sends it if told to.

One proof voids a report and slashes its signers, and a repeat changes nothing; so of one report's offences the first that the contract takes is sent, and
none where nothing is left to void or to take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from oracle.domain.ids import Hash32, to_hex
from oracle.domain.units import ChainId
from oracle.node.dispute.court import Court, Prospect
from oracle.node.dispute.inquiry import Charge, Equivocation

SHOWN_SUBJECTS = 5
_console = Console(soft_wrap=True)


async def prove_equivocation(case: Equivocation, courts: Mapping[ChainId, Court], *, is_sending: bool) -> bool:
    """Prove that two reports have a common signer; return whether every chain has taken it."""
    _console.print(f"[red]red[/red]   {case}")
    hashes = (case.first.report.hash, case.second.report.hash)
    return await _prove([case.calldata()], ["proveEquivocation"], hashes, courts, is_sending=is_sending)


async def prove_charge(charge: Charge, courts: Mapping[ChainId, Court], *, is_sending: bool) -> bool:
    """Prove what is wrong with one report; return whether every chain has taken it."""
    judgement = charge.judgement
    scope = "" if charge.is_whole else ", those that were posted: give --leaves or --node for the others"
    _console.print(f"report {to_hex(charge.report.hash)}: {charge.entries_count} entries looked at{scope}")
    for offence in judgement.offences:
        _console.print(f"[red]red[/red]   {offence}")
    _say_unprovable(charge)
    if not judgement.offences:
        return False
    if charge.signed is None:
        _console.print("  its signatures are not at hand: it was published by another contract; give --node")
        return False
    calls = [offence.calldata(charge.signed) for offence in judgement.offences]
    names = [str(offence) for offence in judgement.offences]
    return await _prove(calls, names, (charge.report.hash,), courts, is_sending=is_sending)


async def _prove(
    calls: Sequence[bytes],
    names: Sequence[str],
    hashes: Sequence[Hash32],
    courts: Mapping[ChainId, Court],
    *,
    is_sending: bool,
) -> bool:
    if not courts:
        _console.print("  no chain has a dispute contract: nothing can be proved there")
        return False
    return all(
        [
            await _prove_on(chain_id, court, calls, names, hashes, is_sending=is_sending)
            for chain_id, court in courts.items()
        ]
    )


async def _prove_on(
    chain_id: ChainId,
    court: Court,
    calls: Sequence[bytes],
    names: Sequence[str],
    hashes: Sequence[Hash32],
    *,
    is_sending: bool,
) -> bool:
    """Send the first call that the contract takes, unless nothing is left to do there."""
    is_voided = all([await court.is_voided(report_hash) for report_hash in hashes])
    for data, name in zip(calls, names, strict=True):
        prospect = await court.try_out(data)
        if prospect.refusal:
            _console.print(f"  chain {chain_id}: refused: {escape(prospect.refusal)}")
            continue
        if is_voided and not prospect.taken_amount:
            _console.print(f"  chain {chain_id}: void already, and nothing is left to take")
            return True
        await _say_prospect(chain_id, court, prospect)
        if not is_sending:
            return False
        receipt = await court.send(data, what=name)
        void = "void" if all([await court.is_voided(report_hash) for report_hash in hashes]) else "not void"
        _console.print(
            f"  [green]proved[/green] on chain {chain_id} in {to_hex(receipt.transaction_hash)}, "
            f"{receipt.gas_used:,} gas; the report is {void} there"
        )
        return True
    return False


async def _say_prospect(chain_id: ChainId, court: Court, prospect: Prospect) -> None:
    stake = await court.fetch_stake()
    if stake is None:
        brings = "voids, and takes no stake here"
    elif not prospect.taken_amount:
        brings = "takes nothing more of the stake"
    else:
        brings = (
            f"takes {prospect.taken_amount} of {to_hex(stake.token)} (smallest units), of which {prospect.reward_amount} are the challenger's "
            "after the window (`assay dispute settle`); whoever copies the evidence first takes that"
        )
    _console.print(
        f"  chain {chain_id}: {to_hex(court.contract)} {brings}; {prospect.gas:,} gas, at most "
        f"{prospect.fee_wei / 10**18:.6f} of the native token"
    )


def _say_unprovable(charge: Charge) -> None:
    hidden = [item.entry.subject for item in charge.judgement.hidden]
    if hidden:
        _console.print(
            f"  {len(hidden)} entries differ and nobody shows their vectors: {_name(hidden)}; "
            "`assay dispute demand SUBJECT` makes a chain ask for one"
        )
    false_features = [item.entry.subject for item in charge.judgement.false_features]
    if false_features:
        _console.print(
            f"  {len(false_features)} entries follow from vectors that the blocks do not give: {_name(false_features)}; "
            "no chain can check that, anyone can recompute it"
        )
    if not (hidden or false_features or charge.judgement.offences):
        _console.print("  none of them is wrong: the difference is elsewhere in the report")


def _name(subjects: Sequence[bytes]) -> str:
    more = f" and {len(subjects) - SHOWN_SUBJECTS} more" if len(subjects) > SHOWN_SUBJECTS else ""
    return ", ".join(to_hex(subject) for subject in subjects[:SHOWN_SUBJECTS]) + more
