"""The dispute contract of one chain: tries a call out, says what it would bring and cost, and sends it."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.delivery.codec import selector
from oracle.delivery.dispute_codec import Case, decode_address, decode_case, decode_uint, encode_case_of
from oracle.delivery.ports import Receipt, TransactionSigner
from oracle.delivery.transactions import FeePolicy, TransactionSender
from oracle.domain.ids import Address, Hash32
from oracle.domain.units import BPS
from oracle.errors import TransactionRevertedError
from oracle.node.clock import LoopTimer
from oracle.node.dispute.evidence import NOBODY, ChainEvidence
from oracle.node.purse import NoCap


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What answers for reports on a home chain."""

    contract: Address
    token: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a call would do now; `refusal` is why the contract does not take it, empty if it does.

    `taken_amount` is what the signers lose, in the stake token's smallest unit; half of it is the challenger's.
    """

    taken_amount: int
    gas: int
    fee_wei: int
    refusal: str

    @property
    def reward_amount(self) -> int:
        """Return what the challenger gets after the window."""
        return self.taken_amount // 2


class Court:
    """One chain's dispute contract, and who goes there."""

    def __init__(self, evidence: ChainEvidence, contract: Address, signer: TransactionSigner | None, fees: FeePolicy):
        self.evidence = evidence
        self.contract = contract
        self._gateway = evidence.gateway
        self._signer = signer
        self._fees = fees

    @property
    def caller(self) -> Address:
        """Return who calls, nobody while nothing is sent."""
        return NOBODY if self._signer is None else self._signer.address

    async def read(self, name: str, data: bytes) -> int:
        """Return the number that a view of the contract answers."""
        (answer,) = await self._gateway.call([(self.contract, data)])
        return decode_uint(name, answer)

    async def fetch_stake(self) -> Stake | None:
        """Return the stake behind the contract, None where this chain is not the home chain."""
        (answer,) = await self._gateway.call([(self.contract, selector("staking()"))])
        contract = decode_address("staking", answer)
        if contract == NOBODY:
            return None
        (token,) = await self._gateway.call([(contract, selector("token()"))])
        return Stake(contract=contract, token=decode_address("token", token))

    async def fetch_cases(self, stake: Stake) -> dict[int, Case]:
        """Return every case by its number: few, since each slashed somebody."""
        found: dict[int, Case] = {}
        while True:
            (answer,) = await self._gateway.call([(stake.contract, encode_case_of(len(found) + 1))])
            case = decode_case(answer)
            if case is None:
                return found
            found[len(found) + 1] = case

    async def is_voided(self, report_hash: Hash32) -> bool:
        """Return whether a report is void on this chain."""
        (answer,) = await self._gateway.call([(self.evidence.oracle, selector("isVoided(bytes32)") + report_hash)])
        return decode_uint("isVoided", answer) == 1

    async def fetch_demand_terms(self) -> tuple[int, int]:
        """Return bond in wei and window in seconds of demands; a window of 0 takes none."""
        calls = [(self.contract, selector(name)) for name in ("demandBondWei()", "demandSeconds()")]
        bond, seconds = await self._gateway.call(calls)
        return decode_uint("demandBondWei", bond), decode_uint("demandSeconds", seconds)

    async def try_out(self, data: bytes, *, value_wei: int = 0, to: Address | None = None) -> Prospect:
        """Return what a call would bring and cost; nothing is sent."""
        target = to or self.contract
        try:
            answer = await self._gateway.simulate(self.caller, target, data, value_wei)
            gas = await self._gateway.estimate_gas(self.caller, target, data, value_wei)
        except TransactionRevertedError as error:
            return Prospect(taken_amount=0, gas=0, fee_wei=0, refusal=error.reason)
        taken = int.from_bytes(answer[:32], "big") if len(answer) == 32 else 0
        return Prospect(taken_amount=taken, gas=gas, fee_wei=gas * await self._price_wei(), refusal="")

    async def send(self, data: bytes, *, what: str, value_wei: int = 0, to: Address | None = None) -> Receipt:
        """Send a call and wait for it.

        Raises:
            TransactionRevertedError: if the contract refuses.
            ValueError: if nobody signs.
        """
        if self._signer is None:
            raise ValueError("nobody signs")
        sender = TransactionSender(self._gateway, self._signer, NoCap(), LoopTimer(), self._fees)
        return await sender.send(to or self.contract, data, what=what, value_wei=value_wei)

    async def _price_wei(self) -> int:
        tip = await self._gateway.tip()
        fee_wei = tip.base_fee_wei * self._fees.base_fee_headroom_bps // BPS + await self._gateway.priority_fee_wei()
        return min(fee_wei, self._fees.max_fee_wei)
