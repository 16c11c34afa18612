"""Who owes in the markets of a chain: borrowers from the markets' Borrowed logs, their debt from the markets themselves.

Both are read from the latest state. They decide only what is worth posting, never what a score is.
"""

from __future__ import annotations

from collections.abc import Sequence

from oracle.delivery.codec import decode_answer, selector
from oracle.delivery.policy import OpenLoan
from oracle.delivery.ports import ChainGateway
from oracle.domain.ids import (
    Address,
    SubjectId,
    address_word,
    borrower_subject,
    contract_borrower_subject,
    keccak256,
)
from oracle.domain.units import BlockNumber
from oracle.errors import UnreadableAnswerError

BORROWED_TOPIC = keccak256(b"Borrowed(address,address,uint256,uint8,uint32,uint32,uint32)")
_RANGE_BLOCKS = 5_000
_REREAD_BLOCKS = 128
"""The newest blocks are not final: a reorg may move a log to a block that was read without it."""
_DEBT_OF = selector("debtOf(address)")


class OpenLoans:
    """Open loans of some markets, found incrementally."""

    def __init__(self, gateway: ChainGateway, markets: Sequence[tuple[Address, BlockNumber]]) -> None:
        self._gateway = gateway
        self._first_block = dict(markets)
        self._next_block = dict(markets)
        self._borrowers: dict[Address, set[Address]] = {market: set() for market, _ in markets}

    async def fetch(self, listed: frozenset[SubjectId]) -> tuple[OpenLoan, ...]:
        """Return the loans above zero of listed subjects, each subject's debt over all markets, ascending by subject."""
        if not self._borrowers:
            return ()
        tip = await self._gateway.tip()
        for market in self._borrowers:
            await self._advance(market, tip.number)
        pairs = [(market, account) for market, accounts in self._borrowers.items() for account in sorted(accounts)]
        answers = await self._gateway.call([(market, _DEBT_OF + address_word(account)) for market, account in pairs])
        debts: dict[SubjectId, int] = {}
        for (_, account), answer in zip(pairs, answers, strict=True):
            (debt,) = decode_answer("debtOf", ("uint256",), answer)
            subject = self._subject(account, listed)
            if debt and subject is not None:
                debts[subject] = debts.get(subject, 0) + debt
        return tuple(OpenLoan(subject=subject, debt_amount=debts[subject]) for subject in sorted(debts))

    def _subject(self, account: Address, listed: frozenset[SubjectId]) -> SubjectId | None:
        """An address is listed under one of its two forms, or not at all."""
        forms = (borrower_subject(account), contract_borrower_subject(self._gateway.chain_id, account))
        return next((form for form in forms if form in listed), None)

    async def _advance(self, market: Address, last: BlockNumber) -> None:
        reread = self._next_block[market] - _REREAD_BLOCKS
        self._next_block[market] = BlockNumber(max(self._first_block[market], reread))
        while self._next_block[market] <= last:
            first = self._next_block[market]
            end = BlockNumber(min(last, first + _RANGE_BLOCKS - 1))
            for log in await self._gateway.logs(market, BORROWED_TOPIC, first, end):
                if len(log.topics) < 2:
                    raise UnreadableAnswerError("Borrowed", b"".join(log.topics))
                self._borrowers[market].add(Address(log.topics[1][-20:]))
            self._next_block[market] = BlockNumber(end + 1)
