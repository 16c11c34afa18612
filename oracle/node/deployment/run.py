"""Carries out a chain's plan: look what stands, say what is left, send that, look again.

Nothing is remembered between runs: what stands at the planned addresses is the state. So a run that broke off goes on where it was, and one that
is done sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.chain.rpc import Endpoint
from oracle.delivery.codec import selector
from oracle.delivery.ports import TransactionSigner
from oracle.delivery.transactions import FeePolicy, TransactionSender
from oracle.domain.ids import Address, Hash32, address_word, keccak256, to_checksum, to_hex
from oracle.domain.units import BPS, ChainId
from oracle.errors import (
    CallRevertedError,
    EndpointRefusalError,
    ForeignCodeError,
    MissingFactoryError,
    OtherDisputeError,
    RefusedCreationError,
    UnfundedError,
)
from oracle.node.clock import LoopTimer
from oracle.node.deployment.market_spec import NOBODY
from oracle.node.deployment.plan import FACTORY, ChainPlan, Step
from oracle.node.gateway import RpcGateway, explain_refusal
from oracle.node.purse import NoCap

FACTORY_CODE_HASH = Hash32(bytes.fromhex("2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"))
SET_DISPUTE, DISPUTE = "setDispute(address)", "dispute()"
SET_DISPUTE_GAS = 100_000
LOOKS = 20
"""How often a lagging endpoint is asked again for code that a receipt says is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a chain lacks: contracts in order, and whether the oracle still has to be told its dispute contract."""

    missing: tuple[Step, ...]
    is_dispute_unnamed: bool

    @property
    def gas_limit(self) -> int:
        """Return an upper bound of what is left to pay for."""
        return sum(step.gas_limit for step in self.missing) + SET_DISPUTE_GAS * self.is_dispute_unnamed


class Deployment:
    """One chain's plan over its endpoints."""

    def __init__(self, plan: ChainPlan, endpoints: Sequence[Endpoint], fees: FeePolicy | None = None) -> None:
        self.plan = plan
        self._endpoints = tuple(endpoints)
        self._gateway = RpcGateway(ChainId(plan.chain_id), endpoints)
        self._fees = fees or FeePolicy()

    async def look(self) -> Outlook:
        """Return what is left to do.

        Raises:
            ForeignCodeError: if other code stands at an address.
            MissingFactoryError: if the chain lacks the factory.
            OtherDisputeError: if the oracle has another dispute contract.
        """
        for code in await self._codes(FACTORY):
            if keccak256(code) != FACTORY_CODE_HASH:
                raise MissingFactoryError(self.plan.chain_id, to_checksum(FACTORY))
        missing = tuple([step for step in self.plan.steps if not await self._stands(step)])
        oracle, dispute = (self.plan.step(key) for key in ("risk_oracle", "score_dispute"))
        if oracle in missing:
            return Outlook(missing=missing, is_dispute_unnamed=True)
        (answer,) = await self._gateway.call([(oracle.address, selector(DISPUTE))])
        named = Address(answer[12:32])
        if named not in (NOBODY, dispute.address):
            raise OtherDisputeError(
                self.plan.chain_id, *(to_checksum(a) for a in (oracle.address, named, dispute.address))
            )
        return Outlook(missing=missing, is_dispute_unnamed=named == NOBODY)

    async def price_wei(self, outlook: Outlook) -> int:
        """Return an upper bound of what is left, at the present fees."""
        tip = await self._gateway.tip()
        fee_wei = tip.base_fee_wei * self._fees.base_fee_headroom_bps // BPS + await self._gateway.priority_fee_wei()
        return outlook.gas_limit * min(fee_wei, self._fees.max_fee_wei)

    async def execute(self, signer: TransactionSigner) -> Outlook:
        """Send what is left, one after the other, and return what is left then: at most the owner's own call.

        Raises:
            OracleError: as `look`; UnfundedError before anything is sent; TransactionRevertedError, TransactionStuckError.
        """
        outlook = await self.look()
        is_owner = signer.address == self.plan.owner
        if not outlook.missing and not (outlook.is_dispute_unnamed and is_owner):
            return outlook
        given_wei, needed_wei = await self._gateway.balance_wei(signer.address), await self.price_wei(outlook)
        if given_wei < needed_wei:
            raise UnfundedError(self.plan.chain_id, to_checksum(signer.address), given_wei, needed_wei)
        sender = TransactionSender(self._gateway, signer, NoCap(), LoopTimer(), self._fees)
        for step in outlook.missing:
            await self._create(sender, step)
        if outlook.is_dispute_unnamed and is_owner:
            data = selector(SET_DISPUTE) + address_word(self.plan.step("score_dispute").address)
            await sender.send(self.plan.step("risk_oracle").address, data, what="naming the dispute contract")
        return await self.look()

    async def _create(self, sender: TransactionSender, step: Step) -> None:
        try:
            await sender.send(FACTORY, step.call, what=f"creating {step.code.name}")
        except CallRevertedError:
            # The factory hides the constructor's reason; created without it, the chain tells.
            request = {"from": to_checksum(self.plan.owner), "data": to_hex(step.creation)}
            try:
                await self._endpoints[0].batch([("eth_call", [request, "latest"])])
            except EndpointRefusalError as refusal:
                reason = explain_refusal(refusal.reason)
                raise RefusedCreationError(self.plan.chain_id, step.code.name, reason) from refusal
            raise
        await self._await_code(sender, step)

    async def _await_code(self, sender: TransactionSender, step: Step) -> None:
        for _ in range(LOOKS):
            if await self._stands(step):
                return
            await sender.pause()
        raise ForeignCodeError(self.plan.chain_id, step.code.name, to_checksum(step.address), 0, len(step.code.runtime))

    async def _stands(self, step: Step) -> bool:
        """Return whether every endpoint has a contract's code where it should be; another code is an error."""
        codes = await self._codes(step.address)
        for code in codes:
            if code and not step.code.is_at(code):
                address = to_checksum(step.address)
                raise ForeignCodeError(self.plan.chain_id, step.code.name, address, len(code), len(step.code.runtime))
        return all(codes)

    async def _codes(self, address: Address) -> list[bytes]:
        codes = []
        for endpoint in self._endpoints:
            (answer,) = await endpoint.batch([("eth_getCode", [to_checksum(address), "latest"])])
            codes.append(bytes.fromhex(str(answer).removeprefix("0x")))
        return codes
