"""Gas of other ways to bring what f + 1 members signed on chain, and to read it, on an anvil as ours is measured on: same n, same f, real signatures.

Peers keep what RiskOracle keeps of a report: a head word and a ring of sixteen roots, every slot written before. OCR2Base is measured with a report of two
words (epoch, root), the least it can carry, and with one of eight words, as long as ours. What a RedStone pull adds is the difference between a transaction
that stores a proved value and one that stores it told. Contracts: `tests/bench/contracts`, over the packages of `make peers`.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from eth_abi.abi import encode

from oracle.domain.ids import Hash32, keccak256, to_hex, uint_word
from oracle.domain.units import HOUR_S
from oracle.errors import MissingArtifactError
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import REPOSITORY
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.signing.signer import LocalSigner
from tests.bench.figures import Figure, Peer

COMPILED = REPOSITORY / "build" / "peers" / "compiled"
CHAIN_ID = 31_337
START_S = 489_555 * HOUR_S
RING, MEASURED = 16, 4
COMMITTEES = ((4, 1), (7, 2), (13, 4), (31, 10))
OCR_WORDS = (2, 8)
PULL_SIGNERS = (3, 5)
OCR_SOURCE = "measured in this run, @chainlink/contracts 1.4.0"
REDSTONE_SOURCE = "measured in this run, @redstone-finance/evm-connector 0.9.0"
SENDER = derive_account(1, "bench").address
TRANSMIT = "transmit(bytes32[3],bytes,bytes32[],bytes32[],bytes32)"
SET_CONFIG = "setConfig(address[],address[],uint8,bytes,uint64,bytes)"
FEED = b"ETH".ljust(32, b"\0")
REDSTONE_MARKER = bytes.fromhex("000002ed57011e0000")


async def measure_gas_peers(ours: Sequence[Figure]) -> list[Figure]:
    """Return our lines of `ours` (publish with f + 1 signatures; verify with calldata) beside each peer."""
    value = {figure.name: figure.value for figure in ours}
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        chain = await AnvilChain.start(CHAIN_ID, directory=Path(folder), genesis_s=START_S)
        try:
            await chain.fund([SENDER], 10**24)
            for n, f in COMMITTEES:
                name = f"publish, n={n}, q=f+1 ({f + 1} signatures)"
                peers = [await _measure_ocr(chain, n, f, words) for words in OCR_WORDS]
                peers.append(await _measure_loop(chain, n, f))
                figures += [Figure(name=name, value=value[name], unit="gas", peer=peer) for peer in peers]
            pulls = [await _measure_pull(chain, signers) for signers in PULL_SIGNERS]
            for name in (name for name in value if name.endswith("with calldata")):
                figures += [Figure(name=name, value=value[name], unit="gas", peer=peer) for peer in pulls]
        finally:
            await chain.stop()
    return figures


def load_peer(name: str) -> bytes:
    """Return a peer's creation code. Raises: MissingArtifactError."""
    path = COMPILED / f"{name}.json"
    try:
        return bytes.fromhex(orjson.loads(path.read_bytes())["bytecode"])
    except FileNotFoundError as cause:
        raise MissingArtifactError(str(path.relative_to(REPOSITORY)), "make peers") from cause


async def _measure_ocr(chain: AnvilChain, n: int, f: int, words: int) -> Peer:
    signers = _signers(n)
    address = await _create(chain, load_peer("OcrReport"))
    transmitters = [SENDER, *(derive_account(1, f"transmitter-{i}").address for i in range(n - 1))]
    members = [signer.address for signer in signers]
    await _send(chain, address, encode_call(SET_CONFIG, members, transmitters, f, b"", 1, b""))
    _, _, digest = await chain.read(address, "latestConfigDetails()", returns=("uint32", "uint32", "bytes32"))
    used = []
    for epoch in range(1, RING + MEASURED + 1):
        report = uint_word(epoch) + _root(epoch) + b"".join(keccak256(b"%d" % i) for i in range(words - 2))
        context = (digest, uint_word(epoch << 8), bytes(32))
        signed = [s.sign_digest(keccak256(keccak256(report) + b"".join(context))) for s in signers[: f + 1]]
        parities = bytes(one[64] - 27 for one in signed).ljust(32, b"\0")
        data = encode_call(
            TRANSMIT, context, report, [one[:32] for one in signed], [one[32:64] for one in signed], parities
        )
        used.append(await _send(chain, address, data))
    assert await chain.read(address, "ring(uint256)", epoch % RING, returns=("bytes32",)) == (_root(epoch),)
    name = f"OCR2Base subclass, {32 * words}-byte report, n={n}, {f + 1} signatures"
    return Peer(name=name, value=statistics.median(used[RING:]), source=OCR_SOURCE)


async def _measure_loop(chain: AnvilChain, n: int, f: int) -> Peer:
    signers = sorted(_signers(n), key=lambda signer: signer.address)
    code = load_peer("RecoverLoop") + encode(("address[]", "uint256"), ([s.address for s in signers], f + 1))
    address = await _create(chain, code)
    used = []
    for epoch in range(1, RING + MEASURED + 1):
        fields = (CHAIN_ID, address, epoch, _root(epoch))
        digest = keccak256(encode(("uint256", "address", "uint64", "bytes32"), fields))
        signatures = b"".join(signer.sign_digest(digest) for signer in signers[: f + 1])
        used.append(
            await _send(chain, address, encode_call("publish(uint64,bytes32,bytes)", epoch, _root(epoch), signatures))
        )
    assert await chain.read(address, "ring(uint256)", epoch % RING, returns=("bytes32",)) == (_root(epoch),)
    return Peer(name=f"plain ecrecover loop, n={n}, {f + 1} signatures", value=statistics.median(used[RING:]))


async def _measure_pull(chain: AnvilChain, count: int) -> Peer:
    signers = _signers(5)
    types, values = ("address[5]", "uint8"), ([signer.address for signer in signers], count)
    address = await _create(chain, load_peer("RedstonePull") + encode(types, values))
    pulled, told = [], []
    for value in range(1, MEASURED + 2):
        _, head_s = await chain.fetch_head()
        payload = _redstone_payload(signers[:count], value, head_s * 1_000)
        pulled.append(await _send(chain, address, encode_call("pull(bytes32)", FEED) + payload))
        assert await chain.read(address, "value()", returns=("uint256",)) == (value,)
        told.append(await _send(chain, address, encode_call("told(uint256)", 10**6 + value)))
    added = statistics.median(pulled[1:]) - statistics.median(told[1:])
    return Peer(name=f"RedStone pull, {count} signers, what it adds", value=added, source=REDSTONE_SOURCE)


def _redstone_payload(signers: Sequence[LocalSigner], value: int, time_ms: int) -> bytes:
    """Return packages of one data point each, their number, no metadata, the marker: as they stand at the end of calldata."""
    message = FEED + uint_word(value) + time_ms.to_bytes(6, "big") + (32).to_bytes(4, "big") + (1).to_bytes(3, "big")
    packages = b"".join(message + signer.sign_digest(keccak256(message)) for signer in signers)
    return packages + len(signers).to_bytes(2, "big") + bytes(3) + REDSTONE_MARKER


def _signers(n: int) -> list[LocalSigner]:
    return [LocalSigner(keccak256(b"bench member %d" % i)) for i in range(n)]


def _root(epoch: int) -> Hash32:
    return keccak256(uint_word(epoch))


async def _create(chain: AnvilChain, code: bytes) -> str:
    return str((await _execute(chain, None, code))["contractAddress"])


async def _send(chain: AnvilChain, to: str, data: bytes) -> int:
    return int((await _execute(chain, to, data))["gasUsed"], 16)


async def _execute(chain: AnvilChain, to: str | None, data: bytes) -> dict[str, Any]:
    transaction = Transaction(sender=SENDER, to=to, data=data, gas=12_000_000)
    (receipt,) = await chain.execute([transaction])
    if int(receipt["status"], 16) != 1:
        raise RuntimeError(
            f"a transaction to {to} with {to_hex(data[:4])} reverted: {await chain.explain_failure(transaction)}"
        )
    return receipt
