"""One chain through several endpoints: nothing is believed on the word of one.

Every answer is read from all endpoints at once; it counts when two gave the same (of two: both). Where two agree on the hash of a block and no two
on its logs, the block's receipts decide (`oracle.chain.dispute`). Any other two answers that differ mean that the node abstains.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oracle.chain.asking import AGREEING_ENDPOINTS, Answers, Patience, ask_all
from oracle.chain.dispute import DisputeBudget, fetch_proven_logs, find_disputed_blocks, halve, replace_blocks
from oracle.chain.logs import LogQuery, LogsKey, RawLog, parse_logs
from oracle.chain.quantities import UNREADABLE, parse_quantity
from oracle.chain.rpc import Call, Endpoint
from oracle.domain.ids import Address, Hash32, keccak256, to_hex
from oracle.domain.units import BlockNumber, ChainId, TimestampS
from oracle.errors import (
    ConfigurationError,
    EndpointBehindError,
    EndpointDisagreementError,
    EndpointError,
    EndpointRefusalError,
    MalformedAnswerError,
    StateForgottenError,
    TooFewEndpointsError,
    WrongChainError,
)

DELEGATION_PREFIX = bytes.fromhex("ef0100")
DELEGATION_BYTES = 23
"""EIP-7702: an account that delegates carries 0xef0100 and an address; it is still its key's owner's."""
HASH_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """What is needed of a block."""

    number: BlockNumber
    block_hash: Hash32
    parent_hash: Hash32
    time_s: TimestampS


class CheckedChain:
    """Reads of one chain on which at least two endpoints agree; two at one host are refused, they would agree on any lie.

    Raises (every read):
        TooFewEndpointsError: if fewer than two endpoints answered.
        WrongChainError: if so, and one of the others serves another chain.
        EndpointDisagreementError: if two answered and no two alike.
    """

    def __init__(self, chain_id: ChainId, endpoints: Sequence[Endpoint], patience: Patience = Patience()) -> None:  # noqa: B008
        self.chain_id = chain_id
        self._patience = patience
        self._next_grace_s: dict[str, float] = {}
        self.endpoints = tuple(endpoints)
        names = [endpoint.name for endpoint in self.endpoints]
        if len(set(names)) != len(names):
            raise ConfigurationError(
                f"chain {chain_id}: two endpoints are at one host ({', '.join(names)}): use two providers"
            )
        self.disagreements: dict[str, int] = {}
        """How often each endpoint was outvoted, proven wrong by receipts, or made no sense."""
        self.heads: dict[str, BlockHeader] = {}
        """The last finalised head that each endpoint named."""
        self.last_failures: dict[str, str] = {}
        """What is wrong with each endpoint since its last good answer; none is listed that is well."""

    async def fetch_finalised_head(self) -> BlockHeader:
        """Return the highest block that two endpoints hold final."""
        heads = await self._ask_all("the finalised head", self._fetch_head, lambda _: True)
        self.heads.update({endpoint.name: head for endpoint, head in heads})
        numbers = sorted((head.number for _, head in heads), reverse=True)
        return await self.fetch_header(numbers[AGREEING_ENDPOINTS - 1])

    async def fetch_header(self, number: BlockNumber) -> BlockHeader:
        """Return the header of a block."""
        return (await self.fetch_headers([number]))[0]

    async def fetch_headers(self, numbers: Sequence[BlockNumber]) -> tuple[BlockHeader, ...]:
        """Return headers in the order of `numbers`."""
        calls: list[Call] = [("eth_getBlockByNumber", [hex(n), False]) for n in numbers]

        async def fetch(endpoint: Endpoint) -> tuple[BlockHeader, ...]:
            blocks = await endpoint.batch(calls)
            return tuple(_parse_header(endpoint.name, n, b) for n, b in zip(numbers, blocks, strict=True))

        if not numbers:
            return ()
        span = f"block {numbers[0]}" if len(numbers) == 1 else f"blocks {numbers[0]}..{numbers[-1]}"
        return await self._agree(span, fetch, lambda headers: headers)

    async def fetch_logs(self, query: LogQuery) -> tuple[RawLog, ...]:
        """Return the logs of a range, on which two agree, or where they differ proven by the receipts roots of agreed blocks.

        Their times are those that two endpoints gave, else None.

        Raises:
            TooFewEndpointsError: also if an endpoint refuses because the range holds too much; `failures` says so.
        """
        return await self._fetch_logs(query, DisputeBudget())

    async def _fetch_logs(self, query: LogQuery, budget: DisputeBudget) -> tuple[RawLog, ...]:
        read: list[tuple[Any, LogsKey, tuple[RawLog, ...]]] = []

        async def fetch(endpoint: Endpoint) -> tuple[LogsKey, tuple[RawLog, ...]]:
            (answer,) = await endpoint.batch([("eth_getLogs", query.to_params())])
            # The same object is the same bytes, decoded once: see `rpc.TwinDecoder`.
            same = next((known for known in read if known[0] is answer), None)
            if same is None:
                logs = parse_logs(endpoint.name, query, answer)
                same = (answer, LogsKey(logs), logs)
            read.append(same)
            return same[1:]

        subject = f"the logs of blocks {query.first_block}..{query.last_block}"
        answers = await self._ask_all(subject, fetch, lambda got: _has_pair([key for key, _ in got]))
        try:
            key, logs = self._settle(subject, [(endpoint, found[0], found) for endpoint, found in answers])
        except EndpointDisagreementError as error:
            untimed = [(endpoint, _without_times(logs)) for endpoint, (_, logs) in answers]
            return await self._settle_by_receipts(query, untimed, budget, error)
        times = [log.time_s for log in logs]
        givers = [known for _, other, known in read if other == key]
        if sum(known is logs or [log.time_s for log in known] == times for known in givers) < AGREEING_ENDPOINTS:
            return _without_times(logs)
        return logs

    async def _settle_by_receipts(
        self,
        query: LogQuery,
        answers: Sequence[tuple[Endpoint, tuple[RawLog, ...]]],
        budget: DisputeBudget,
        disagreement: EndpointDisagreementError,
    ) -> tuple[RawLog, ...]:
        """Return the logs that the receipts of the disputed blocks prove; a range with many of them is asked for in halves first."""
        disputed = find_disputed_blocks([logs for _, logs in answers])
        if budget.is_worth_halving(disputed) and query.first_block < query.last_block:
            first, second = halve(query)
            return (*await self._fetch_logs(first, budget), *await self._fetch_logs(second, budget))
        budget.spend(disputed, disagreement)
        hashes = {header.number: header.block_hash for header in await self.fetch_headers(disputed)}
        proven = await fetch_proven_logs(self.endpoints, query, hashes, disagreement)
        settled = replace_blocks(answers[0][1], proven)
        for endpoint, logs in answers:
            if replace_blocks(logs, proven) != logs:
                self._blame(endpoint.name)
        return settled

    def _blame(self, name: str) -> None:
        self.disagreements[name] = self.disagreements.get(name, 0) + 1

    async def fetch_has_code(self, addresses: Sequence[Address], block_number: BlockNumber) -> Mapping[Address, bool]:
        """Return which addresses are contracts at a block; an EIP-7702 delegation is none.

        Raises:
            StateForgottenError: if endpoints refuse, because the block's state is older than what they keep.
        """
        calls: list[Call] = [("eth_getCode", [to_hex(a), hex(block_number)]) for a in addresses]

        async def fetch(endpoint: Endpoint) -> tuple[bool, ...]:
            return tuple(_is_contract(_parse_bytes(endpoint.name, code)) for code in await endpoint.batch(calls))

        if not addresses:
            return {}
        subject = f"the code of {len(addresses)} accounts at block {block_number}"
        try:
            flags = await self._agree(subject, fetch, lambda f: f)
        except TooFewEndpointsError as error:
            if any(isinstance(failure, EndpointRefusalError) for failure in error.failures):
                raise StateForgottenError(self.chain_id, block_number, error.failures) from error
            raise
        return dict(zip(addresses, flags, strict=True))

    async def call(self, to: Address, data: bytes) -> bytes:
        """Return the answer of a view call on the latest state; only for what never changes."""
        call: Call = ("eth_call", [{"to": to_hex(to), "data": to_hex(data)}, "latest"])

        async def fetch(endpoint: Endpoint) -> bytes:
            (answer,) = await endpoint.batch([call])
            return _parse_bytes(endpoint.name, answer)

        return await self._agree(f"a call of {to_hex(to)}", fetch, lambda answer: answer)

    async def _fetch_head(self, endpoint: Endpoint) -> BlockHeader:
        (block,) = await endpoint.batch([("eth_getBlockByNumber", ["finalized", False])])
        return _parse_header(endpoint.name, None, block)

    async def _agree[T](
        self, subject: str, fetch: Callable[[Endpoint], Awaitable[T]], key: Callable[[T], Hashable]
    ) -> T:
        answers = await self._ask_all(subject, fetch, lambda got: _has_pair([key(answer) for answer in got]))
        return self._settle(subject, [(endpoint, key(answer), answer) for endpoint, answer in answers])

    async def _ask_all[T](
        self, subject: str, fetch: Callable[[Endpoint], Awaitable[T]], is_enough: Callable[[Sequence[T]], bool]
    ) -> Sequence[tuple[Endpoint, T]]:
        answers = await ask_all(self.endpoints, fetch, is_enough, self._patience, self._grace_of)
        self._note(answers)
        if len(answers.given) < AGREEING_ENDPOINTS:
            errors = [error for _, error in answers.failures]
            wrong_chain = next((error for error in errors if isinstance(error, WrongChainError)), None)
            failures = tuple(error for error in errors if isinstance(error, EndpointError))
            raise wrong_chain or TooFewEndpointsError(self.chain_id, subject, failures)
        return answers.given

    def _grace_of(self, endpoint: Endpoint) -> float:
        """Return how long two who agree wait for this one."""
        now_s = time.monotonic()
        if endpoint.name in self.last_failures and now_s < self._next_grace_s.get(endpoint.name, 0.0):
            return 0.0
        self._next_grace_s[endpoint.name] = now_s + self._patience.second_chance_s
        return self._patience.grace_s

    def _note(self, answers: Answers[Any]) -> None:
        for endpoint, _ in answers.given:
            self.last_failures.pop(endpoint.name, None)
        for endpoint, error in answers.failures:
            self.last_failures[endpoint.name] = str(error)
            if isinstance(error, MalformedAnswerError):
                self._blame(endpoint.name)

    def _settle[T](self, subject: str, answers: Sequence[tuple[Endpoint, Hashable, T]]) -> T:
        """Return the answer that two endpoints share; a tie of two pairs is a disagreement too."""
        voters: dict[Hashable, list[str]] = {}
        for endpoint, answer_key, _ in answers:
            voters.setdefault(answer_key, []).append(endpoint.name)
        winners = [k for k, names in voters.items() if len(names) >= AGREEING_ENDPOINTS]
        if len(winners) != 1:
            digests = {f"{i}:{e.name}": _short_digest(k) for i, (e, k, _) in enumerate(answers)}
            raise EndpointDisagreementError(self.chain_id, subject, digests)
        for answer_key, names in voters.items():
            for name in names if answer_key != winners[0] else ():
                self._blame(name)
        return next(answer for _, answer_key, answer in answers if answer_key == winners[0])


def _without_times(logs: Sequence[RawLog]) -> tuple[RawLog, ...]:
    """Return logs as their digest covers them."""
    return tuple(log._replace(time_s=None) for log in logs)


def _has_pair(keys: Sequence[Hashable]) -> bool:
    """Return whether two answers are alike."""
    return len(set(keys)) < len(keys)


def _short_digest(key: Hashable) -> str:
    return keccak256(key if isinstance(key, bytes) else repr(key).encode()).hex()[:12]


def _is_contract(code: bytes) -> bool:
    is_delegation = len(code) == DELEGATION_BYTES and code.startswith(DELEGATION_PREFIX)
    return bool(code) and not is_delegation


def _parse_bytes(endpoint: str, answer: Any) -> bytes:
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except UNREADABLE as cause:
        raise MalformedAnswerError(endpoint, f"expected bytes, got {str(answer)[:60]}") from cause


def _parse_header(endpoint: str, number: BlockNumber | None, block: Any) -> BlockHeader:
    if block is None:
        raise EndpointBehindError(endpoint, f"it has no block {'that is final' if number is None else number} yet")
    try:
        header = BlockHeader(
            number=BlockNumber(parse_quantity(block["number"])),
            block_hash=Hash32(bytes.fromhex(block["hash"][2:])),
            parent_hash=Hash32(bytes.fromhex(block["parentHash"][2:])),
            time_s=TimestampS(parse_quantity(block["timestamp"])),
        )
    except UNREADABLE as cause:
        raise MalformedAnswerError(endpoint, f"a block of the wrong shape: {str(block)[:120]}") from cause
    is_sound = len(header.block_hash) == len(header.parent_hash) == HASH_BYTES
    if not is_sound or (number is not None and header.number != number):
        raise MalformedAnswerError(endpoint, f"asked for block {number}, got {header.number}")
    return header
