"""A LendingMarket on a running chain, as a borrower, a liquidator and a lender use it: calldata out, receipts and refusals in.

Amounts are raw token units. Anvil sends for any account without its key, so real borrowers of the history can ask for loans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode

from oracle.domain.ids import keccak256
from oracle.domain.loan import Basis, Refusal
from oracle.errors import SandboxRpcError
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.manifest import ChainEntry, MarketEntry, TokenEntry

MAX_UINT = 2**256 - 1
GAS = 1_500_000
_SCORE = "(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32)"
_PROOF = f"(uint64,{_SCORE},bytes32[])"
_QUOTE = "(bool,uint8,uint8,uint256,uint32,uint32,uint32,uint256,uint256,uint256,uint256)"
_BORROWED = keccak256(b"Borrowed(address,address,uint256,uint8,uint32,uint32,uint32)")
_LIQUIDATED = keccak256(b"Liquidated(address,address,uint256,uint256)")
_BAD_DEBT = keccak256(b"BadDebtSocialized(address,uint256)")
_TERMS_REFUSED = keccak256(b"TermsRefused(uint8,uint8,uint256,uint256)")[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanAnswer:
    """What a market says to, or did with, one ask."""

    allowed: bool
    refusal: Refusal
    basis: Basis
    ltv_bps: int
    premium_bps: int
    el_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreProof:
    """A borrower's leaf with its proof, as a market takes it: (epoch, leaf fields, siblings)."""

    epoch: int
    fields: tuple[Any, ...]
    siblings: tuple[bytes, ...]

    def as_argument(self) -> tuple[Any, ...]:
        """Return the ABI tuple."""
        return (self.epoch, self.fields, list(self.siblings))


class MarketSession:
    """One market on one chain."""

    def __init__(self, chain: AnvilChain, entry: ChainEntry, market: MarketEntry) -> None:
        self.chain = chain
        self.address = market.address
        self.name = market.name
        self.collateral: TokenEntry = entry.token(market.collateral)
        self.loan: TokenEntry = entry.token(market.loan)
        self.unit: int = 10**self.loan.decimals

    async def send(self, transaction: Transaction) -> dict[str, Any]:
        """Mine one transaction and return its receipt, whether it succeeded or not."""
        self.chain.forget_nonces()
        return (await self.chain.execute([transaction]))[0]

    async def call(self, sender: str, to: str, data: bytes) -> dict[str, Any]:
        """Mine one call of `sender`. Raises: SandboxRpcError with the reason if it reverts."""
        transaction = Transaction(sender=sender, to=to, data=data, gas=GAS)
        receipt = await self.send(transaction)
        if int(receipt["status"], 16) != 1:
            reason = await self.chain.explain_failure(transaction)
            raise SandboxRpcError(self.chain.url, f"call of {to}", reason)
        return receipt

    async def open_position(self, borrower: str, collateral_units: int) -> None:
        """Fund `borrower` and put his collateral into the market."""
        await self.chain.fund([borrower], 10**19)
        token = self.collateral.address
        await self.call(borrower, token, encode_call("mint(address,uint256)", borrower, collateral_units))
        await self.call(borrower, token, encode_call("approve(address,uint256)", self.address, MAX_UINT))
        supply = encode_call("supplyCollateral(uint256,address)", collateral_units, borrower)
        await self.call(borrower, self.address, supply)

    async def quote(self, borrower: str, amount: int, proof: ScoreProof | None) -> LoanAnswer:
        """Return what the contract says it would grant."""
        data = _with_proof("quote", "address,uint256", (borrower, amount), proof)
        answer = await self.chain.rpc("eth_call", {"to": self.address, "data": "0x" + data.hex()}, "latest")
        allowed, refusal, basis, _, ltv, premium, el, *_ = decode([_QUOTE], bytes.fromhex(answer[2:]))[0]
        return LoanAnswer(
            allowed=allowed, refusal=Refusal(refusal), basis=Basis(basis), ltv_bps=ltv, premium_bps=premium, el_ppm=el
        )

    async def borrow(self, borrower: str, amount: int, proof: ScoreProof | None) -> LoanAnswer:
        """Ask for a loan in a mined transaction and return what the contract did."""
        data = _with_proof("borrow", "uint256,address", (amount, borrower), proof)
        transaction = Transaction(sender=borrower, to=self.address, data=data, gas=GAS)
        receipt = await self.send(transaction)
        if int(receipt["status"], 16) != 1:
            return await self._read_refusal(transaction)
        log = next(item for item in receipt["logs"] if item["topics"][0] == "0x" + _BORROWED.hex())
        types = ["uint256", "uint8", "uint32", "uint32", "uint32"]
        _, basis, ltv, premium, el = decode(types, bytes.fromhex(log["data"][2:]))
        return LoanAnswer(
            allowed=True, refusal=Refusal.NONE, basis=Basis(basis), ltv_bps=ltv, premium_bps=premium, el_ppm=el
        )

    async def repay_all(self, borrower: str, funder_units: int) -> int:
        """Repay the whole debt of `borrower` from freshly minted loan tokens and return what was taken."""
        token = self.loan.address
        await self.call(borrower, token, encode_call("mint(address,uint256)", borrower, funder_units))
        await self.call(borrower, token, encode_call("approve(address,uint256)", self.address, MAX_UINT))
        debt = await self.debt_of(borrower)
        await self.call(borrower, self.address, encode_call("repay(uint256,address)", MAX_UINT, borrower))
        return debt

    async def debt_of(self, borrower: str) -> int:
        """Return a borrower's debt now."""
        return await self._read_uint("debtOf(address)", borrower)

    async def health_factor_wad(self, borrower: str) -> int:
        """Return a borrower's health factor now."""
        return await self._read_uint("healthFactorWad(address)", borrower)

    async def collateral_value_of(self, borrower: str) -> int:
        """Return the value of a borrower's collateral in loan tokens."""
        return await self._read_uint("collateralValueOf(address)", borrower)

    async def liquidation_threshold_bps(self) -> int:
        """Return the threshold in force."""
        return await self._read_uint("liquidationThresholdBps()")

    async def liquidate(self, liquidator: str, borrower: str) -> tuple[int, int] | None:
        """Repay all that may be repaid; returns (repaid, bad debt written off), None if the market refused."""
        data = encode_call("liquidate(address,uint256)", borrower, MAX_UINT)
        receipt = await self.send(Transaction(sender=liquidator, to=self.address, data=data, gas=GAS))
        if int(receipt["status"], 16) != 1:
            return None
        repaid = sum(_first_words(receipt, _LIQUIDATED))
        return repaid, sum(_first_words(receipt, _BAD_DEBT))

    async def _read_uint(self, signature: str, *arguments: Any) -> int:
        return int((await self.chain.read(self.address, signature, *arguments, returns=["uint256"]))[0])

    async def _read_refusal(self, transaction: Transaction) -> LoanAnswer:
        request = {
            "from": transaction.sender,
            "to": transaction.to,
            "data": "0x" + transaction.data.hex(),
        }
        answer = await self.chain.client.try_call("eth_call", request, "latest")
        data = bytes.fromhex(str(answer.get("error", {}).get("data", "0x"))[2:])
        if data[:4] != _TERMS_REFUSED:
            raise SandboxRpcError(self.chain.url, "borrow", str(answer))
        refusal, basis, _, _ = decode(["uint8", "uint8", "uint256", "uint256"], data[4:])
        return LoanAnswer(
            allowed=False, refusal=Refusal(refusal), basis=Basis(basis), ltv_bps=0, premium_bps=0, el_ppm=0
        )


def _with_proof(name: str, types: str, arguments: tuple[Any, ...], proof: ScoreProof | None) -> bytes:
    if proof is None:
        return encode_call(f"{name}({types})", *arguments)
    return encode_call(f"{name}({types},{_PROOF})", *arguments, proof.as_argument())


def _first_words(receipt: dict[str, Any], topic: bytes) -> list[int]:
    wanted = "0x" + topic.hex()
    return [int(log["data"][2:66], 16) for log in receipt["logs"] if log["topics"][0] == wanted]
