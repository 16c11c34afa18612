"""A destination chain in memory: an oracle contract that checks what the real one does, a mempool that can be slow, and time that only sleeps move."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eth_abi.abi import decode, encode
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from oracle.delivery.codec import selector
from oracle.delivery.ports import BlockTip, Log, Receipt
from oracle.domain.ids import Address, Hash32, SubjectId, keccak256, parse_address, to_hex
from oracle.domain.score import decode_score
from oracle.domain.units import BlockNumber, ChainId, TimestampS
from oracle.errors import CallRevertedError, NonceUsedError, ReplacementUnderpricedError

ORACLE = Address(b"\x0c" * 20)
MARKET = Address(b"\x0d" * 20)
CHAIN = ChainId(31337)
_PUBLISH = "(bytes32,uint64,bytes32,bytes32,uint32,uint32,uint32,uint32)"
GAS = 100_000


class FakeTimer:
    """Time that moves when somebody sleeps; `on_sleep` lets the world go on meanwhile."""

    def __init__(self) -> None:
        self.time_ms = 0
        self.on_sleep: Callable[[int], None] = lambda _: None

    def now_ms(self) -> int:
        return self.time_ms

    async def sleep_ms(self, duration_ms: int) -> None:
        self.time_ms += duration_ms
        self.on_sleep(self.time_ms)


class FakeGuard:
    def __init__(self) -> None:
        self.recorded: list[int] = []
        self.reserved: dict[Hash32, tuple[int, int]] = {}
        """nonce and most expensive fee by hash"""
        self.refusal: Exception | None = None

    def reserve(self, chain_id: ChainId, transaction_hash: Hash32, nonce: int, fee_wei: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.reserved[transaction_hash] = (nonce, fee_wei)

    def release(self, chain_id: ChainId, transaction_hash: Hash32) -> None:
        del self.reserved[transaction_hash]

    def outstanding(self, chain_id: ChainId) -> Sequence[tuple[Hash32, int]]:
        return [(known, nonce) for known, (nonce, _) in self.reserved.items()]

    def settle(self, chain_id: ChainId, nonce: int, fee_wei: int | None) -> None:
        reserved = [fee for known_nonce, fee in self.reserved.values() if known_nonce == nonce]
        self.recorded.append(max(reserved) if fee_wei is None else fee_wei)
        self.reserved = {known: pair for known, pair in self.reserved.items() if pair[0] > nonce}


class FakeChain:
    """Implements `ChainGateway`; transactions are mined at once unless `is_mining` is off."""

    def __init__(self, *, now_s: int = 1_000_000) -> None:
        self.now_s = now_s
        self.head: tuple[int, int, int, int, int, bytes] = (0, 0, 0, 0, 0, bytes(32))
        self.collaterals: dict[SubjectId, int] = {}
        self.borrowers: dict[SubjectId, tuple[int, int, int]] = {}
        """epoch, behaviour margin and grade by subject"""
        self.debts: dict[Address, int] = {}
        self.borrowed_logs: list[Log] = []
        self.is_mining = True
        self.is_confirming = True
        """Whether two endpoints have each receipt."""
        self.reverts: list[str] = []
        self.pending: dict[int, dict[str, int | bytes]] = {}
        self.raw_sent: list[bytes] = []
        self.mined_nonce = 0
        self.receipts: dict[Hash32, Receipt] = {}
        self.calls_made: list[tuple[str, tuple[object, ...]]] = []
        self.before_simulation: Callable[[], None] = lambda: None
        self.before_send: Callable[[], None] = lambda: None
        self.nonces_read: list[int] = []
        """Stale nonces that are answered first."""
        self.stale_heads_count = 0
        """How many more reads of the head are answered with none."""
        self.log_ranges: list[tuple[int, int]] = []

    @property
    def chain_id(self) -> ChainId:
        return CHAIN

    async def call(self, calls: Sequence[tuple[Address, bytes]]) -> list[bytes]:
        return [self._view(to, data) for to, data in calls]

    async def tip(self) -> BlockTip:
        return BlockTip(number=BlockNumber(12_000), time_s=TimestampS(self.now_s), base_fee_wei=10**9)

    async def nonce(self, account: Address) -> int:
        return self.nonces_read.pop(0) if self.nonces_read else self.mined_nonce

    async def priority_fee_wei(self) -> int:
        return 10**8

    async def estimate_gas(self, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> int:
        self.before_simulation()
        self._execute(data, is_simulation=True)
        return GAS

    async def send(self, raw: bytes) -> None:
        self.before_send()
        transaction = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        nonce, fee = int(transaction["nonce"]), int(transaction["maxFeePerGas"])
        if nonce < self.mined_nonce:
            raise NonceUsedError(CHAIN)
        waiting = self.pending.get(nonce)
        if waiting is not None and fee * 10 < int(waiting["fee"]) * 11:
            raise ReplacementUnderpricedError(CHAIN)
        self.raw_sent.append(raw)
        self.pending[nonce] = {"fee": fee, "data": bytes(transaction["data"]), "hash": keccak256(raw)}
        if self.is_mining:
            self.mine()

    def mine(self) -> None:
        for nonce in sorted(self.pending):
            waiting = self.pending.pop(nonce)
            self.mined_nonce = nonce + 1
            is_success = True
            try:
                self._execute(bytes(waiting["data"]), is_simulation=False)
            except CallRevertedError:
                is_success = False
            key = Hash32(bytes(waiting["hash"]))
            self.receipts[key] = Receipt(
                transaction_hash=key,
                block_number=BlockNumber(12_001),
                is_success=is_success,
                gas_used=GAS,
                is_confirmed=self.is_confirming,
                fee_wei=GAS * int(waiting["fee"]),
            )

    async def receipt(self, transaction_hash: Hash32) -> Receipt | None:
        return self.receipts.get(transaction_hash)

    async def logs(self, address: Address, topic: Hash32, first: BlockNumber, last: BlockNumber) -> list[Log]:
        self.log_ranges.append((first, last))
        return [log for log in self.borrowed_logs if first <= log.block_number <= last]

    def sender_of(self, raw: bytes) -> Address:
        return parse_address(Account.recover_transaction(to_hex(raw)).lower())

    def _view(self, to: Address, data: bytes) -> bytes:
        name, argument = data[:4], data[4:]
        if to == MARKET and name == selector("debtOf(address)"):
            return encode(("uint256",), (self.debts.get(Address(argument[-20:]), 0),))
        if name == selector("head()") and self.head[0] and self.stale_heads_count:
            self.stale_heads_count -= 1
            return encode(("uint64", "uint64", "uint64", "uint64", "uint64", "bytes32"), (0, 0, 0, 0, 0, bytes(32)))
        if name == selector("head()"):
            return encode(("uint64", "uint64", "uint64", "uint64", "uint64", "bytes32"), self.head)
        if name == selector("collateralScore(bytes32)"):
            epoch = self.collaterals.get(SubjectId(argument), 0)
            return encode(("uint256",) * 9, (epoch, 0, 0, 0, 0, 0, 0, 0, 0))
        assert name == selector("borrowerScore(bytes32)")
        epoch, margin, grade = self.borrowers.get(SubjectId(argument), (0, 0, 0))
        types = ("uint64", "int32", "int32", "uint32", "uint32", "uint16", "uint8", "bytes4")
        return encode(types, (epoch, 0, margin, 0, 0, 0, grade, b"\0" * 4))

    def _execute(self, data: bytes, *, is_simulation: bool) -> None:
        if data[:4] == selector(f"publish({_PUBLISH},bytes)"):
            report, attestations = decode((_PUBLISH, "bytes"), data[4:])
            if report[1] <= self.head[0]:
                raise CallRevertedError(CHAIN, "publish", f"StaleReport({report[1]}, {self.head[0]})")
            self._revert_if_asked("publish")
            if not is_simulation:
                self.calls_made.append(("publish", (report, attestations)))
                self.head = (report[1], 0, 0, self.now_s, self.head[0], report[3])
            return
        assert data[:4] == selector("post(uint64,bytes[],bytes32[],bool[])")
        epoch, entries, proof, flags = decode(("uint64", "bytes[]", "bytes32[]", "bool[]"), data[4:])
        self._revert_if_asked("post")
        if not is_simulation:
            self.calls_made.append(("post", (epoch, [decode_score(e) for e in entries], proof, flags)))

    def _revert_if_asked(self, what: str) -> None:
        if what in self.reverts:
            raise CallRevertedError(CHAIN, what, "WrongSigner(1, 0x00, 0x01)")
