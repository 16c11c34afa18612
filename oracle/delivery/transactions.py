"""One account's transactions on one chain: nonce, fees, gas, and replacement of what is stuck.

Transactions of an account are sent one after another, each with the number of mined ones as its nonce. So a transaction that an earlier process
left pending is replaced, not queued behind: everything that delivery sends may be sent again. What may be mined yet is remembered by the guard, across
restarts: its fee is set aside before it leaves, and counted as soon as it is known. Source: EIP-1559, EIP-2718.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from oracle.delivery.ports import ChainGateway, Receipt, SpendGuard, Timer, TransactionSigner
from oracle.domain.ids import Address, Hash32, keccak256, to_hex
from oracle.domain.units import BPS
from oracle.errors import NonceUsedError, ReplacementUnderpricedError, TransactionRevertedError, TransactionStuckError


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePolicy:
    """How an operator pays. `replace_after_ms` without a receipt raises both fees by `bump_bps`."""

    base_fee_headroom_bps: int = 20_000
    gas_headroom_bps: int = 12_000
    bump_bps: int = 12_500
    max_fee_wei: int = 500 * 10**9
    poll_ms: int = 400
    replace_after_ms: int = 20_000
    attempts: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fees:
    max_fee_wei: int
    priority_fee_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    to: Address
    data: bytes
    value_wei: int


class TransactionSender:
    """Sends calls from one account on one chain and waits until they are mined."""

    def __init__(
        self, gateway: ChainGateway, signer: TransactionSigner, guard: SpendGuard, timer: Timer, policy: FeePolicy
    ) -> None:
        self._gateway = gateway
        self._signer = signer
        self._guard = guard
        self._timer = timer
        self._policy = policy
        self._turn = asyncio.Lock()
        self._settled_nonce = -1

    async def send(self, to: Address, data: bytes, *, what: str, value_wei: int = 0) -> Receipt:
        """Return the receipt of a successful transaction; what it carries besides its fee is no part of the cap.

        Raises:
            TransactionRevertedError: if the simulation or the mined transaction fails.
            TransactionStuckError: if it is not mined after all attempts.
            SpendingCapError: if it could pass the operator's cap.
        """
        async with self._turn:
            await self._settle_earlier()
            receipt = await self._send_anew(_Call(to=to, data=data, value_wei=value_wei))
        if not receipt.is_success:
            raise TransactionRevertedError(self._gateway.chain_id, what, f"in {to_hex(receipt.transaction_hash)}")
        return receipt

    async def pause(self) -> None:
        """Wait as long as between two looks for a receipt."""
        await self._timer.sleep_ms(self._policy.poll_ms)

    async def _send_anew(self, call: _Call) -> Receipt:
        """Simulate and send, again where the nonce proves used: an endpoint lagged, or a left-over was mined meanwhile."""
        nonce = 0
        for _ in range(self._policy.attempts):
            estimate = await self._estimate_gas(call)
            nonce = await self._gateway.nonce(self._signer.address)
            try:
                return await self._send_until_mined(call, nonce, estimate * self._policy.gas_headroom_bps // BPS)
            except NonceUsedError:
                await self.pause()
        raise TransactionStuckError(self._gateway.chain_id, nonce, self._policy.attempts)

    async def _send_until_mined(self, call: _Call, nonce: int, gas: int) -> Receipt:
        fees = await self._first_fees()
        sent: list[Hash32] = []
        for _ in range(self._policy.attempts):
            raw = self._sign(call, nonce, gas, fees)
            try:
                await self._hand_in(raw, nonce, gas * fees.max_fee_wei)
            except ReplacementUnderpricedError:
                fees = self._bumped(fees)
                continue
            except NonceUsedError:
                # If it was one of ours, its receipt is there soon.
                receipt = await self._wait(sent) if sent else None
                if receipt is None:
                    raise
                return self._settle(receipt, nonce)
            sent.append(keccak256(raw))
            receipt = await self._wait(sent)
            if receipt is not None:
                return self._settle(receipt, nonce)
            # Bid up only what would still succeed: another node may have brought the report meanwhile.
            await self._estimate_gas(call)
            fees = self._bumped(fees)
        raise TransactionStuckError(self._gateway.chain_id, nonce, self._policy.attempts)

    async def _estimate_gas(self, call: _Call) -> int:
        return await self._gateway.estimate_gas(self._signer.address, call.to, call.data, call.value_wei)

    async def _hand_in(self, raw: bytes, nonce: int, fee_wei: int) -> None:
        """Send; whatever an endpoint answers, the transaction may be out, unless its nonce is known to be used by another."""
        chain_id, transaction_hash = self._gateway.chain_id, keccak256(raw)
        self._guard.reserve(chain_id, transaction_hash, nonce, fee_wei)
        try:
            await self._gateway.send(raw)
        except NonceUsedError:
            if nonce <= self._settled_nonce:
                self._guard.release(chain_id, transaction_hash)
            raise

    def _settle(self, receipt: Receipt, nonce: int) -> Receipt:
        """Count a fee once two endpoints have the receipt: then nothing else with this nonce or a lower one can be mined any more."""
        if receipt.is_confirmed:
            self._guard.settle(self._gateway.chain_id, nonce, receipt.fee_wei)
            self._settled_nonce = max(self._settled_nonce, nonce)
        return receipt

    async def _settle_earlier(self) -> None:
        for transaction_hash, nonce in self._guard.outstanding(self._gateway.chain_id):
            receipt = await self._gateway.receipt(transaction_hash)
            if receipt is not None:
                self._settle(receipt, nonce)

    async def _wait(self, sent: list[Hash32]) -> Receipt | None:
        deadline_ms = self._timer.now_ms() + self._policy.replace_after_ms
        while True:
            for transaction_hash in reversed(sent):
                receipt = await self._gateway.receipt(transaction_hash)
                if receipt is not None:
                    return receipt
            if self._timer.now_ms() >= deadline_ms:
                return None
            await self._timer.sleep_ms(self._policy.poll_ms)

    async def _first_fees(self) -> _Fees:
        tip = await self._gateway.tip()
        priority = await self._gateway.priority_fee_wei()
        wanted = tip.base_fee_wei * self._policy.base_fee_headroom_bps // BPS + priority
        return self._capped(wanted, priority)

    def _bumped(self, fees: _Fees) -> _Fees:
        factor_bps = self._policy.bump_bps
        return self._capped(fees.max_fee_wei * factor_bps // BPS + 1, fees.priority_fee_wei * factor_bps // BPS + 1)

    def _capped(self, max_fee_wei: int, priority_fee_wei: int) -> _Fees:
        most = min(max_fee_wei, self._policy.max_fee_wei)
        return _Fees(max_fee_wei=most, priority_fee_wei=min(priority_fee_wei, most))

    def _sign(self, call: _Call, nonce: int, gas: int, fees: _Fees) -> bytes:
        # Imported where it is used: it loads pairing curves, most of a second that `assay verify` would pay for nothing.
        from eth_account.typed_transactions.typed_transaction import TypedTransaction

        fields: dict[str, object] = {
            "type": 2,
            "chainId": self._gateway.chain_id,
            "nonce": nonce,
            "to": bytes(call.to),
            "value": call.value_wei,
            "data": call.data,
            "gas": gas,
            "maxFeePerGas": fees.max_fee_wei,
            "maxPriorityFeePerGas": fees.priority_fee_wei,
            "accessList": [],
        }
        digest = Hash32(bytes(TypedTransaction.from_dict(fields).hash()))
        signature = self._signer.sign_digest(digest)
        fields["v"] = signature[64] - 27
        fields["r"] = int.from_bytes(signature[:32], "big")
        fields["s"] = int.from_bytes(signature[32:64], "big")
        return bytes(TypedTransaction.from_dict(fields).encode())
