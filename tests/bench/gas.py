"""Gas on a real local chain with the compiled RiskOracle: `publish` as whole transactions, `verifyBorrower` as execution.

`publish`: receipts in steady state, every ring slot written before, real signatures, the median of several epochs. `verifyBorrower`: the gas between the first and
the last instruction of a call in a transaction of its own, so storage is cold; the 21,000 and the calldata are not in it. Calldata is counted apart at
16 gas a byte, 4 for a zero byte. (A whole transaction that only verifies would pay the floor of EIP-7623; nobody sends one.)
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from oracle.delivery.codec import encode_publish, pack_attestations, selector
from oracle.domain.committee import default_attestation_quorum
from oracle.domain.ids import Hash32, SubjectId, keccak256, to_hex, uint_word
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.score import BorrowerScore, Reasons
from oracle.domain.units import HOUR_S, Epoch, Margin, NodeId, Ppm
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.assay import GENESIS_TYPE
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.jsonrpc import Transaction
from oracle.signing.signer import LocalSigner
from tests.bench import peers
from tests.bench.figures import Figure
from tests.bench.merkle import make_leaves

CHAIN_ID = 31_337
FIRST_EPOCH = 489_555
LANDS_AFTER_S = 60
PUBLISHES = 20
"""The first sixteen write empty ring slots; the others are measured."""
WARM_UP = 16
PERIODS_S = (HOUR_S, 3 * HOUR_S, 600, HOUR_S, 28 * 24 * HOUR_S, 7 * 24 * HOUR_S)
"""Epoch, validity, grace, challenge window, digest, recovery."""
SIZES = (1_000, 100_000, 1_000_000)
REAL_LEAVES = 1_000
"""Leaves made of scores; the others are hashes of a counter: what a proof costs depends on its length alone."""
ZERO_BYTE_GAS, BYTE_GAS = 4, 16
_SCORE = "(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32)"
SENDER = derive_account(1, "bench").address


class Contract:
    """One deployed RiskOracle with a committee of known keys."""

    def __init__(self, chain: AnvilChain, n: int, f: int, q: int) -> None:
        self._chain = chain
        self._signers = [LocalSigner(keccak256(b"bench member %d" % i)) for i in range(n)]
        self._f, self._q = f, q
        self.address = ""
        self._digest = Hash32(b"")

    async def deploy(self) -> None:
        """Create the contract; its first epoch is the next one that is published."""
        members = [signer.address for signer in self._signers]
        genesis = (bytes(32), members, self._f, self._q, bytes(32), FIRST_EPOCH, *PERIODS_S, SENDER)
        data = load_forge_artifact("RiskOracle").link({}) + encode((GENESIS_TYPE,), (genesis,))
        receipt = await self._send(Transaction(sender=SENDER, to=None, data=data, gas=8_000_000))
        self.address = receipt["contractAddress"]
        (self._digest,) = await self._chain.read(self.address, "configDigest()", returns=("bytes32",))

    async def publish(self, epoch: Epoch, root: Hash32, borrowers: int) -> int:
        """Publish a report one minute after its boundary and return the gas of the whole transaction."""
        report = Report(
            config_digest=self._digest,
            epoch=epoch,
            cut_hash=keccak256(b"cut" + uint_word(epoch)),
            scores_root=root,
            observers=(1 << len(self._signers)) - 1,
            borrowers=borrowers,
            collaterals=18,
            stalled_chains=0,
        )
        signed = {NodeId(i): signer.sign_digest(report.hash) for i, signer in enumerate(self._signers)}
        data = encode_publish(report, pack_attestations(signed, self._q))
        transaction = Transaction(sender=SENDER, to=self.address, data=data, gas=1_000_000)
        receipt = await self._send(transaction, epoch * HOUR_S + LANDS_AFTER_S)
        return int(receipt["gasUsed"], 16)

    async def post(self, data: bytes) -> int:
        """Post scores of the head and return the gas of the whole transaction."""
        receipt = await self._send(Transaction(sender=SENDER, to=self.address, data=data, gas=20_000_000))
        return int(receipt["gasUsed"], 16)

    async def _send(self, transaction: Transaction, timestamp_s: int | None = None) -> dict[str, Any]:
        (receipt,) = await self._chain.execute([transaction], timestamp_s)
        if int(receipt["status"], 16) != 1:
            raise RuntimeError(f"a transaction reverted: {await self._chain.explain_failure(transaction)}")
        return receipt


async def measure_gas() -> list[Figure]:
    """Return every gas figure, from one anvil."""
    with tempfile.TemporaryDirectory() as folder:
        genesis_s = FIRST_EPOCH * HOUR_S
        chain = await AnvilChain.start(CHAIN_ID, directory=Path(folder), genesis_s=genesis_s)
        try:
            await chain.fund([SENDER], 10**24)
            epoch = Epoch(FIRST_EPOCH + 1)
            figures = []
            for n, f, q, quorum in _committees():
                gas = await _measure_publish(chain, epoch, n, f, q)
                epoch = Epoch(epoch + PUBLISHES)
                name = f"publish, n={n}, {quorum} ({q} signatures)"
                figures.append(Figure(name=name, value=gas, unit="gas", peer=peers.OCR2_TRANSMIT_GAS[n]))
            for size in SIZES:
                figures += await _measure_verify(chain, epoch, size)
                epoch = Epoch(epoch + 1)
        finally:
            await chain.stop()
    return figures


def _committees() -> Iterator[tuple[int, int, int, str]]:
    for n, f in ((4, 1), (7, 2), (13, 4), (31, 10)):
        yield n, f, f + 1, "q=f+1"
        yield n, f, default_attestation_quorum(n, f), "default q"


async def _measure_publish(chain: AnvilChain, first: Epoch, n: int, f: int, q: int) -> float:
    contract = Contract(chain, n, f, q)
    await contract.deploy()
    used = [await contract.publish(Epoch(first + i), keccak256(uint_word(first + i)), 1_000) for i in range(PUBLISHES)]
    return statistics.median(used[WARM_UP:])


async def _measure_verify(chain: AnvilChain, epoch: Epoch, size: int) -> list[Figure]:
    """Return execution gas of the deepest leaf of a real tree, and execution with calldata."""
    scores = [make_score(i) for i in range(REAL_LEAVES)]
    tree = MerkleTree([*(score.leaf for score in scores), *make_leaves(size - REAL_LEAVES)])
    score = max(scores[:64], key=lambda s: len(tree.proof(s.leaf)))
    contract = Contract(chain, 4, 1, 3)
    await contract.deploy()
    await contract.publish(epoch, tree.root, size)
    proof = tree.proof(score.leaf)
    data = encode_verify(epoch, score, proof)
    execution, calldata = await trace_execution_gas(chain, contract.address, data), calldata_gas(data)
    depth = f"{size:,} subjects, depth {len(proof)}"
    return [
        Figure(name=f"verify, {depth}: execution", value=execution, unit="gas", peer=peers.PROTOTYPE_VERIFY_GAS[size]),
        Figure(
            name=f"verify, {depth}: with calldata", value=execution + calldata, unit="gas", peer=peers.REDSTONE_PULL_GAS
        ),
    ]


def encode_verify(epoch: Epoch, score: BorrowerScore, proof: tuple[Hash32, ...]) -> bytes:
    """Return the calldata of `verifyBorrower`; the score is static, so its encoding is ten words in place."""
    head = uint_word(epoch) + score.encoded + uint_word(12 * 32)
    tail = uint_word(len(proof)) + b"".join(proof)
    return selector(f"verifyBorrower(uint64,{_SCORE},bytes32[])") + head + tail


async def trace_execution_gas(chain: AnvilChain, to: str, data: bytes) -> int:
    """Return the gas between the first and the last instruction of a call. Raises: RuntimeError if the call fails."""
    request = {"from": SENDER, "to": to, "data": to_hex(data), "gas": hex(5_000_000)}
    trace = await chain.rpc("debug_traceCall", request, "latest", {"disableStorage": True, "disableStack": True})
    if trace["failed"]:
        raise RuntimeError(f"verifyBorrower reverted: {trace['returnValue']}")
    first, last = trace["structLogs"][0], trace["structLogs"][-1]
    return int(first["gas"]) - int(last["gas"]) + int(last["gasCost"])


def calldata_gas(data: bytes) -> int:
    """Return what calldata costs beside execution (EIP-2028)."""
    zeros = data.count(0)
    return zeros * ZERO_BYTE_GAS + (len(data) - zeros) * BYTE_GAS


def make_score(index: int) -> BorrowerScore:
    """Return a score whose fields have the size of real ones."""
    return BorrowerScore(
        subject=SubjectId(bytes(12) + keccak256(uint_word(index))[12:]),
        state_offset=Margin(-5_790 - index % 9_000),
        behaviour_margin=Margin(index % 4_000 - 2_000),
        pd_ppm=Ppm(12_345),
        pd_upper_ppm=Ppm(15_000),
        points=600,
        grade=4,
        reasons=Reasons(b"\x01\x02\x03\x04"),
        features_hash=keccak256(b"features" + uint_word(index)),
    )
