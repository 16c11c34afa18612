"""Evidence from elsewhere: files, and what nodes serve of a report: its leaves, the vectors behind them, its signatures.

A node may lie or be silent. Leaves count only if their root is the report's, a vector only if its hash is in the leaf, signatures only with the report that
they are over; so whichever node answers first will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from oracle.delivery.dispute_codec import RECORD_BYTES, SignedReport
from oracle.domain.ids import Hash32, keccak256, parse_hash, to_hex
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.units import Epoch
from oracle.errors import ConfigurationError, EvidenceError, MalformedValueError, OracleError
from oracle.node.dispute.offences import Entry
from oracle.node.leaves import LeavesDocument, fetch_document
from oracle.node.settings import explain_validation


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StructDocument(_Document):
    """The struct `Report`, in the names of the API."""

    config_digest: str
    epoch: int
    cut_hash: str
    scores_root: str
    observers: int
    borrowers: int
    collaterals: int
    stalled_chains: int

    def to_report(self) -> Report:
        """Return the report. Raises: MalformedValueError if a hash is none."""
        return Report(
            config_digest=parse_hash(self.config_digest), epoch=Epoch(self.epoch), cut_hash=parse_hash(self.cut_hash),
            scores_root=parse_hash(self.scores_root), observers=self.observers, borrowers=self.borrowers,
            collaterals=self.collaterals, stalled_chains=self.stalled_chains,
        )  # fmt: skip


class ReportDocument(_Document):
    """A signed report as a file: what `GET /v1/reports/{epoch}` answers; one record of 65 bytes for each signature."""

    struct: StructDocument
    attestations_packed: str


class VectorDocument(_Document):
    """A vector as a file: what `GET /v1/features/{leaf}` answers."""

    vector: str


def read_signed(source: str) -> SignedReport:
    """Return the signed report of a file or URL.

    Raises:
        ConfigurationError: if it cannot be read or is none.
    """
    try:
        document = ReportDocument.model_validate_json(fetch_document(source))
        report, attestations = document.struct.to_report(), _bytes(document.attestations_packed)
    except ValidationError as error:
        raise ConfigurationError(f"report {source}: {explain_validation(error)}") from None
    except (MalformedValueError, ValueError) as error:
        raise ConfigurationError(f"report {source}: {error}") from error
    if not attestations or len(attestations) % RECORD_BYTES:
        raise ConfigurationError(f"report {source}: signatures are records of {RECORD_BYTES} bytes, one at least")
    return SignedReport(report=report, attestations=attestations)


def read_entries(source: str, report: Report) -> list[Entry]:
    """Return every entry of a report with its proof, from a file or URL.

    Raises:
        ConfigurationError: if it cannot be read.
        EvidenceError: if it is of another report.
    """
    try:
        document = LeavesDocument.model_validate_json(fetch_document(source))
        entries = [Entry(encoded=_bytes(text), proof=()) for text in document.entries]
    except ValidationError as error:
        raise ConfigurationError(f"leaves {source}: {explain_validation(error)}") from None
    except (MalformedValueError, ValueError) as error:
        raise ConfigurationError(f"leaves {source}: {error}") from error
    if not entries:
        raise ConfigurationError(f"leaves {source}: there is no entry")
    tree = MerkleTree(entry.leaf for entry in entries)
    if tree.root != report.scores_root:
        raise EvidenceError(
            f"leaves {source} have the root {to_hex(tree.root)}, the report of epoch {report.epoch} has "
            f"{to_hex(report.scores_root)}: they prove nothing"
        )
    return [Entry(encoded=entry.encoded, proof=tree.proof(entry.leaf)) for entry in entries]


class NodeSources:
    """What nodes serve; the first whose answer fits is taken, and why the others were not is kept in `failures`."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(url.rstrip("/") for url in urls)
        self.failures: list[str] = []

    def entries(self, report: Report) -> list[Entry]:
        """Return every entry of a report, none if no node has them."""
        for url in self._urls:
            try:
                return read_entries(f"{url}/v1/reports/{report.epoch}/leaves", report)
            except OracleError as error:
                self.failures.append(str(error))
        return []

    def signed(self, report: Report) -> SignedReport | None:
        """Return a report's signatures, None if no node has them."""
        for url in self._urls:
            try:
                found = read_signed(f"{url}/v1/reports/{report.epoch}")
            except OracleError as error:
                self.failures.append(str(error))
                continue
            if found.report.hash == report.hash:
                return found
        return None

    def vectors(self, entries: Iterable[Entry]) -> dict[Hash32, bytes]:
        """Return the vectors of entries by their hash, as far as a node shows them."""
        found: dict[Hash32, bytes] = {}
        for entry in entries:
            for url in self._urls:
                vector = self._vector(url, entry)
                if vector is not None:
                    found[entry.features_hash] = vector
                    break
        return found

    def _vector(self, url: str, entry: Entry) -> bytes | None:
        try:
            document = VectorDocument.model_validate_json(fetch_document(f"{url}/v1/features/{to_hex(entry.leaf)}"))
            vector = _bytes(document.vector)
        except (OracleError, ValueError) as error:
            self.failures.append(str(error))
            return None
        return vector if keccak256(vector) == entry.features_hash else None


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
