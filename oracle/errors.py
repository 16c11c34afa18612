"""The one tree of errors; every room's branch is drawn here.

Rule: names end in ``Error``, facts are attributes, the message is built in ``__init__`` and says what to do. ``retryable``
decides what the node's single handler does: True waits and tries again, False stops that piece of work.
"""

from __future__ import annotations

from datetime import UTC, datetime


class OracleError(Exception):
    """Root of every error that Assay raises on purpose."""

    retryable: bool = False


class ConfigurationError(OracleError):
    """A setting, file or argument is missing or wrong; the message says which and what to do."""


# --- domain ---------------------------------------------------------------------------------------------------------


class DomainError(OracleError):
    """A value lies outside what its type allows."""


class RangeError(DomainError):
    """An integer lies outside its range."""

    def __init__(self, name: str, value: int, low: int, high: int) -> None:
        self.name = name
        self.value = value
        self.low = low
        self.high = high
        super().__init__(f"{name} must lie in {low}..{high}, got {value}")


class MalformedValueError(DomainError):
    """Bytes or text do not have the shape that their type requires."""

    def __init__(self, name: str, given: str, expected: str) -> None:
        self.name = name
        self.given = given
        self.expected = expected
        super().__init__(f"{name}: expected {expected}, got {given}")


# --- protocol (consensus) -------------------------------------------------------------------------------------------


class ProtocolError(OracleError):
    """The committee protocol was violated."""


class LocalProtocolError(ProtocolError):
    """Our own code called the protocol wrongly: a bug here."""


class PeerProtocolError(ProtocolError):
    """A peer sent what the protocol forbids: dropped, counted, attributed."""

    def __init__(self, sender: int | None, reason: str) -> None:
        self.sender = sender
        self.reason = reason
        who = "an unknown peer" if sender is None else f"node {sender}"
        super().__init__(f"message of {who} dropped: {reason}")


# --- sandbox --------------------------------------------------------------------------------------------------------


class SandboxError(OracleError):
    """The local world could not be built, started or used."""


class MissingArtifactError(SandboxError):
    """A compiled contract or a program is not there."""

    def __init__(self, path: str, command: str) -> None:
        self.path = path
        self.command = command
        super().__init__(f"{path} is missing: run `{command}`, or `make setup contracts`")


class ChainProcessError(SandboxError):
    """A sandbox chain does not run as it should."""

    def __init__(self, chain_id: int, reason: str) -> None:
        self.chain_id = chain_id
        self.reason = reason
        super().__init__(f"sandbox chain {chain_id}: {reason}")


class SandboxBusyError(SandboxError):
    """Another process uses the folder: it would lose its files."""

    def __init__(self, what: str, folder: str, process_id: str) -> None:
        self.folder = folder
        self.process_id = process_id
        super().__init__(
            f"another {what} is running in {folder} (process {process_id}): end it first, or name another folder"
        )


class ChainPortInUseError(SandboxError):
    """A chosen port belongs to another program: whoever asked there would read somebody else's chain."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"port {port} is in use: end what listens there, or choose another, 0 for a free one")


class SandboxRpcError(SandboxError):
    """A JSON-RPC call of the sandbox failed."""

    def __init__(self, url: str, method: str, reason: str) -> None:
        self.url = url
        self.method = method
        self.reason = reason
        super().__init__(f"{method} at {url}: {reason}")


class DemoFailedError(SandboxError):
    """Something that the demo shows did not hold: a bug, or a machine too slow; the message says which part."""


class DeploymentError(SandboxError):
    """A transaction of a deployment was reverted."""

    def __init__(self, chain_id: int, step: str, reason: str) -> None:
        self.chain_id = chain_id
        self.step = step
        self.reason = reason
        super().__init__(f"chain {chain_id}: {step} was reverted: {reason}")


# --- signing --------------------------------------------------------------------------------------------------------


class SigningError(OracleError):
    """A key could not be used or a signature is not valid."""


class KeystoreError(SigningError):
    """A keystore file is missing, malformed, or already there."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"keystore {path}: {reason}")


class WrongPasswordError(KeystoreError):
    """The password does not open the keystore; nothing was changed."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "the password does not open it; check the password file or ASSAY_KEYSTORE_PASSWORD")


class InvalidSignatureError(SigningError):
    """Bytes are not a canonical ECDSA signature of anybody over the digest."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"signature rejected: {reason}")


# --- storage --------------------------------------------------------------------------------------------------------


class StorageError(OracleError):
    """The database cannot be used."""


class SchemaVersionError(StorageError):
    """The database was written by an older or a newer release."""

    def __init__(self, path: str, found: int, expected: int) -> None:
        self.path = path
        self.found = found
        self.expected = expected
        advice = (
            "install the release that wrote it, or start with another database file"
            if found > expected
            else "run `assay node migrate`, after a copy of the file"
        )
        super().__init__(f"database {path} has schema {found}, this release has {expected}: {advice}")


class SnapshotError(StorageError):
    """A snapshot of chain rows cannot be made or cannot be trusted; nothing of it is stored."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"snapshot {path}: {reason}")


class ForeignDatabaseError(StorageError):
    """The file is a database of something else, or no database at all."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"database {path} cannot be opened: {reason}")


class DatabaseBusyError(StorageError):
    """Another process holds the database."""

    retryable = True

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"database {path} is locked: is another node running on it? Stop that, or whatever else writes to it, or give this "
            "node its own file"
        )


class DatabaseWriteError(StorageError):
    """The database could not be written; a node that cannot keep its votes does not vote."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"database {path} cannot be written: {reason}; free space or fix permissions, then restart")


class ConflictingVoteError(StorageError):
    """A vote was asked for that contradicts one on disk; it is neither stored nor sent."""

    def __init__(self, slot: str) -> None:
        self.slot = slot
        super().__init__(f"a different vote for {slot} is on disk: not voting twice")


# --- delivery -------------------------------------------------------------------------------------------------------


class DeliveryError(OracleError):
    """A report could not be brought to a chain."""


class TransactionRevertedError(DeliveryError):
    """A transaction, or its simulation, was reverted by the contract."""

    def __init__(self, chain_id: int, what: str, reason: str) -> None:
        self.chain_id = chain_id
        self.what = what
        self.reason = reason
        super().__init__(f"chain {chain_id}: {what} was reverted: {reason}")


class CallRevertedError(TransactionRevertedError):
    """A view call or a simulation was reverted."""


class ReplacementUnderpricedError(DeliveryError):
    """A pending transaction with this nonce pays more: the fee has to rise."""

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        super().__init__(f"chain {chain_id}: a pending transaction with this nonce pays more")


class NonceUsedError(DeliveryError):
    """A transaction with this nonce is mined already."""

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        super().__init__(f"chain {chain_id}: a transaction with this nonce is mined already")


class ConflictingReportError(DeliveryError):
    """The chain holds another report of the epoch than the one that was agreed: more than f members signed twice."""

    def __init__(self, chain_id: int, epoch: int, agreed: bytes, found: bytes) -> None:
        self.chain_id = chain_id
        self.epoch = epoch
        self.agreed = agreed
        self.found = found
        super().__init__(
            f"chain {chain_id} has root 0x{found.hex()} for epoch {epoch}, agreed was 0x{agreed.hex()}: "
            "keep both reports, they are evidence of equivocation"
        )


class TransactionStuckError(DeliveryError):
    """A transaction was not mined, however often its fee was raised."""

    retryable = True

    def __init__(self, chain_id: int, nonce: int, attempts: int) -> None:
        self.chain_id = chain_id
        self.nonce = nonce
        self.attempts = attempts
        super().__init__(
            f"chain {chain_id}: transaction {nonce} not mined after {attempts} attempts; check fees and balance"
        )


class SpendingCapError(DeliveryError):
    """The operator's daily limit on fees is reached; `resumes_s` is when the first fee of the last 24 hours is past."""

    def __init__(self, chain_id: int, spent_wei: int, wanted_wei: int, cap_wei: int, resumes_s: int | None) -> None:
        self.chain_id = chain_id
        self.spent_wei = spent_wei
        self.wanted_wei = wanted_wei
        self.cap_wei = cap_wei
        self.resumes_s = resumes_s
        if resumes_s is None:
            advice = "this never fits: raise [delivery] daily_cap_wei, or lower max_fee_gwei"
        else:
            at = datetime.fromtimestamp(resumes_s, UTC).strftime("%d %b %H:%M UTC")
            advice = (
                f"other members publish meanwhile; the first fee is past at {at}, or raise [delivery] daily_cap_wei"
            )
        super().__init__(
            f"chain {chain_id}: {spent_wei} wei were spent in 24 hours, up to {wanted_wei} more would pass the daily cap "
            f"of {cap_wei}: not sent; {advice}"
        )


class UnreadableAnswerError(DeliveryError):
    """A contract answered a view call with what its interface does not allow: it is another contract, or none."""

    retryable = True

    def __init__(self, call: str, answer: bytes) -> None:
        self.call = call
        self.answer = answer
        super().__init__(
            f"`{call}` answered {len(answer)} bytes that cannot be read: check the addresses of `risk_oracle` and the markets"
        )


# --- node -----------------------------------------------------------------------------------------------------------


class NodeError(OracleError):
    """The node cannot start or go on."""


class PortInUseError(NodeError):
    """Another program listens where the node should."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(f"{host}:{port} is in use: stop what listens there, or set another listen_port")


class NotAMemberError(NodeError):
    """The key of the keystore is not in the committee."""

    def __init__(self, address: str, members: int) -> None:
        self.address = address
        self.members = members
        super().__init__(f"{address} is none of the {members} members of the committee: use the keystore of a member")


class NothingLandedError(NodeError):
    """A chain has no report yet, so there is nothing to recompute."""

    retryable = True

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        super().__init__(
            f"chain {chain_id} has no report yet: wait for the committee's first epoch to land, or give --epoch"
        )


class EvidenceError(NodeError):
    """What a dispute needs could not be found; the message says what to give instead."""


class EpochNotFinalError(NodeError):
    """An epoch cannot be scored yet: a chain has no finalised block after its boundary."""

    retryable = True

    def __init__(self, epoch: int, chain_id: int, boundary_s: int) -> None:
        self.epoch = epoch
        self.chain_id = chain_id
        self.boundary_s = boundary_s
        super().__init__(
            f"epoch {epoch}: chain {chain_id} has no finalised block after its boundary {boundary_s} yet; try again later"
        )


class EpochTooEarlyError(NodeError):
    """An epoch was another committee's, or nobody's."""

    def __init__(self, epoch: int, first_epoch: int) -> None:
        self.epoch = epoch
        self.first_epoch = first_epoch
        super().__init__(
            f"epoch {epoch} is before this committee's first, {first_epoch}: give a later --epoch, or the committee.json of that time"
        )


class EpochInFutureError(NodeError):
    """An epoch's boundary is later than anything a chain has or the clock says."""

    def __init__(self, epoch: int, newest_epoch: int) -> None:
        self.epoch = epoch
        self.newest_epoch = newest_epoch
        super().__init__(
            f"epoch {epoch} is in the future: the newest that the clock has reached is {newest_epoch}; give an earlier --epoch"
        )


class ExportScheduleError(NodeError):
    """An export asks for more cuts than the history holds."""

    def __init__(self, wanted: int, every_days: int, possible: int, history_days: int) -> None:
        self.wanted = wanted
        self.possible = possible
        super().__init__(
            f"{wanted} cuts {every_days} days apart do not fit: the youngest chain's markets began {history_days} days before the newest, "
            f"which leaves room for {possible}; ask for fewer with --cuts, or closer together with --every"
        )


class FaultRefusedError(NodeError):
    """A fault was asked for outside the sandbox."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"--fault is for the sandbox only: {reason}")


# --- deployment of contracts ----------------------------------------------------------------------------------------


class DeployingError(OracleError):
    """Contracts could not be deployed, or what stands there is not what was planned."""


class MissingFactoryError(DeployingError):
    """A chain lacks the factory whose addresses do not depend on the sender."""

    def __init__(self, chain_id: int, factory: str) -> None:
        self.chain_id = chain_id
        self.factory = factory
        super().__init__(
            f"chain {chain_id} has no deterministic deployment proxy at {factory}: send its well-known presigned transaction there first"
        )


class ForeignCodeError(DeployingError):
    """Other code stands at a contract's address than these sources compile to."""

    def __init__(self, chain_id: int, name: str, address: str, given_bytes: int, expected_bytes: int) -> None:
        self.chain_id = chain_id
        self.name = name
        self.address = address
        self.given_bytes = given_bytes
        self.expected_bytes = expected_bytes
        super().__init__(
            f"chain {chain_id}: at {address} stand {given_bytes} bytes of code that are not {name} ({expected_bytes} bytes): "
            "trust nothing of it; check the endpoint, compile anew, or take another salt"
        )


class RefusedCreationError(DeployingError):
    """A contract's constructor refuses what it was given."""

    def __init__(self, chain_id: int, name: str, reason: str) -> None:
        self.chain_id = chain_id
        self.name = name
        self.reason = reason
        super().__init__(
            f"chain {chain_id}: {name} refuses its arguments ({reason}): correct the deployment file and run again"
        )


class UnfundedError(DeployingError):
    """The sender cannot pay for what is left to do."""

    def __init__(self, chain_id: int, account: str, given_wei: int, needed_wei: int) -> None:
        self.chain_id = chain_id
        self.account = account
        self.given_wei = given_wei
        self.needed_wei = needed_wei
        super().__init__(
            f"chain {chain_id}: {account} has {given_wei} wei, what is left may cost {needed_wei} wei: fund it and run the command "
            "again; nothing was sent there"
        )


class OtherDisputeError(DeployingError):
    """The oracle names another dispute contract, and it is named once for all."""

    def __init__(self, chain_id: int, oracle: str, given: str, planned: str) -> None:
        self.chain_id = chain_id
        self.oracle = oracle
        self.given = given
        self.planned = planned
        super().__init__(
            f"chain {chain_id}: the oracle {oracle} names {given} as its dispute contract for good, planned was {planned}: take the figures "
            "that it was deployed with, or another salt"
        )


# --- chain access ---------------------------------------------------------------------------------------------------


class ChainError(OracleError):
    """A chain could not be read, or what was read cannot be right."""


class EndpointError(ChainError):
    """One endpoint failed; `endpoint` is its host, never its whole URL, which may hold a key."""

    retryable = True

    def __init__(self, endpoint: str, reason: str) -> None:
        self.endpoint = endpoint
        self.reason = reason
        super().__init__(f"endpoint {endpoint}: {reason}")


class EndpointUnreachableError(EndpointError):
    """An endpoint did not answer in time, or not with HTTP 200."""


class EndpointTimeoutError(EndpointUnreachableError):
    """An endpoint took too long; a smaller question may help."""


class EndpointRefusalError(EndpointError):
    """An endpoint answered with a JSON-RPC error, e.g. that a range holds too many logs."""


class EndpointRateLimitError(EndpointError):
    """An endpoint is asked too often; `retry_after_s` is when it wants to be asked again, if it says so."""

    def __init__(self, endpoint: str, reason: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        wait = "" if retry_after_s is None else f", again in {retry_after_s:.0f} s"
        super().__init__(endpoint, f"{reason}: it limits the rate of requests{wait}")


class TooSlowEndpointError(EndpointError):
    """An endpoint had not answered when two others agreed and some time had passed."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint, "slower than two others that agree")


class EndpointBehindError(EndpointError):
    """An endpoint does not have a block yet that another one reported."""


class MalformedAnswerError(EndpointError):
    """An endpoint's answer does not have the shape that was asked for: it is treated as a lie."""


class TooFewEndpointsError(ChainError):
    """Fewer than two endpoints gave an answer: nothing is believed on the word of one."""

    retryable = True

    def __init__(self, chain_id: int, subject: str, failures: tuple[EndpointError, ...]) -> None:
        self.chain_id = chain_id
        self.subject = subject
        self.failures = failures
        words = "; ".join(str(f) for f in failures) or "no other endpoint is configured"
        super().__init__(
            f"chain {chain_id}: fewer than two endpoints answered for {subject} ({words}): add or repair one"
        )


class EndpointDisagreementError(ChainError):
    """Endpoints answered, and no two alike: the node abstains. `answers` maps endpoint to the digest of its answer."""

    retryable = True

    def __init__(
        self,
        chain_id: int,
        subject: str,
        answers: dict[str, str],
        unsettled: str = "",
        *,
        is_range_to_blame: bool = False,
    ) -> None:
        self.chain_id = chain_id
        self.subject = subject
        self.answers = answers
        self.unsettled = unsettled
        self.is_range_to_blame = is_range_to_blame
        words = ", ".join(f"{name}: {digest}" for name, digest in answers.items())
        tried = f"; not settled by receipts, {unsettled}" if unsettled else ""
        super().__init__(
            f"chain {chain_id}: endpoints disagree on {subject} ({words}){tried}: abstaining; check or replace one"
        )


class StateForgottenError(ChainError):
    """No two endpoints hold the state of a block any more, which is asked for the code of accounts only."""

    retryable = True

    def __init__(self, chain_id: int, block_number: int, failures: tuple[EndpointError, ...]) -> None:
        self.chain_id = chain_id
        self.block_number = block_number
        self.failures = failures
        super().__init__(
            f"chain {chain_id}: fewer than two endpoints still hold the state of block {block_number} "
            f"({'; '.join(str(f) for f in failures)}): abstaining from this cut; score a newer one, or add an endpoint "
            "that keeps states longer"
        )


class WrongChainError(ChainError):
    """An endpoint serves another chain than it is configured for."""

    def __init__(self, endpoint: str, expected: int, given: int) -> None:
        self.endpoint = endpoint
        self.expected = expected
        self.given = given
        super().__init__(f"endpoint {endpoint} serves chain {given}, configured for {expected}: correct the URL")


class ChangedBlockError(ChainError):
    """A block changed between two reads of one range; reading again helps."""

    retryable = True

    def __init__(self, chain_id: int, block_number: int) -> None:
        self.chain_id = chain_id
        self.block_number = block_number
        super().__init__(f"chain {chain_id}: block {block_number} changed while it was read; it will be read again")


class PastFinalityReorgError(ChainError):
    """A block that was finalised is gone. Rows are rolled back to `common_block_number`; signing has to stop."""

    def __init__(self, chain_id: int, block_number: int, common_block_number: int) -> None:
        self.chain_id = chain_id
        self.block_number = block_number
        self.common_block_number = common_block_number
        super().__init__(
            f"chain {chain_id}: finalised block {block_number} was replaced; rows are rolled back to block "
            f"{common_block_number}: stop signing and find out why"
        )


class ImportedRowsError(ChainError):
    """Rows that a snapshot brought are not what the endpoints say; scores made from them are wrong."""

    def __init__(self, chain_id: int, first_block: int, last_block: int, stored_count: int, found_count: int) -> None:
        self.chain_id = chain_id
        self.first_block = first_block
        self.last_block = last_block
        super().__init__(
            f"chain {chain_id}: blocks {first_block}..{last_block} of the imported snapshot hold other logs than your endpoints "
            f"({stored_count} against {found_count}): voting stopped. Warn the members who imported it too; if your endpoints keep all old logs "
            f"(`assay node check`), stop this node, run `assay snapshot discard {chain_id}` and start it: it reads the rows from the endpoints"
        )


class ForeignCutError(ChainError):
    """A cut names a block that the chain does not have: its sender is wrong, or our endpoints are."""

    def __init__(self, chain_id: int, block_number: int, given: str, found: str) -> None:
        self.chain_id = chain_id
        self.block_number = block_number
        self.given = given
        self.found = found
        super().__init__(f"chain {chain_id}: block {block_number} is 0x{found}, the cut says 0x{given}: not scoring it")


class NotIndexedError(ChainError):
    """A block was asked for that is not indexed yet."""

    retryable = True

    def __init__(self, chain_id: int, block_number: int, indexed_block_number: int) -> None:
        self.chain_id = chain_id
        self.block_number = block_number
        self.indexed_block_number = indexed_block_number
        super().__init__(
            f"chain {chain_id}: block {block_number} is not indexed, only up to {indexed_block_number}: sync first"
        )


class UndecodableLogError(ChainError):
    """A log has a topic that is decoded and a body that does not fit it."""

    def __init__(self, chain_id: int, block_number: int, log_index: int, reason: str) -> None:
        self.chain_id = chain_id
        self.block_number = block_number
        self.log_index = log_index
        self.reason = reason
        super().__init__(f"chain {chain_id}, block {block_number}, log {log_index}: {reason}")


class InconsistentLedgerError(ChainError):
    """The rows do not add up to a possible state: logs are missing."""

    def __init__(self, chain_id: int, block_number: int, reason: str) -> None:
        self.chain_id = chain_id
        self.block_number = block_number
        self.reason = reason
        super().__init__(
            f"chain {chain_id}, block {block_number}: {reason}; is the market's start_block its deployment block?"
        )


class MissingAnchorError(ChainError):
    """A market names an address whose fixed facts were fetched before it did: they have to be fetched again."""

    retryable = True

    def __init__(self, chain_id: int, block_number: int, address: str) -> None:
        self.chain_id = chain_id
        self.block_number = block_number
        self.address = address
        super().__init__(
            f"chain {chain_id}, block {block_number}: nothing is known of 0x{address}, which was listed there; "
            "do the endpoints answer from before that block?"
        )


# --- scoring --------------------------------------------------------------------------------------------------------


class ScoringError(OracleError):
    """A score could not be computed."""


class BundleError(ScoringError):
    """A model bundle is incomplete, damaged, or made for another schema."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"bundle {name} does not load: {reason}; install the release again or restore its files")


class SandboxBundleError(BundleError):
    """A bundle trained on generated activity was asked for where real loans are scored."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reason = "it is for the sandbox only"
        OracleError.__init__(
            self, f"bundle {name} was trained on generated activity and scores the sandbox only: name another one"
        )


class InexactScoreError(ScoringError):
    """ONNX Runtime gave a margin that is no multiple of 2^-12, or not the reference's: this machine must not sign."""

    def __init__(self, row_index: int, output: float, reference: int | None) -> None:
        self.row_index = row_index
        self.output = output
        self.reference = reference
        expected = "a multiple of 2^-12" if reference is None else f"{reference} units of 2^-12"
        super().__init__(
            f"row {row_index}: the runtime answered {output!r}, expected {expected}; check onnxruntime's version"
        )


class VectorShapeError(ScoringError):
    """Feature vectors do not have the shape that the model was trained on."""

    def __init__(self, given: str, expected: str) -> None:
        self.given = given
        self.expected = expected
        super().__init__(f"feature vectors are {given}, the model takes {expected}")


# --- api ------------------------------------------------------------------------------------------------------------


class ApiError(OracleError):
    """A request that cannot be answered as asked; the kinds are the problem documents of `oracle/api/errors.py`."""

    retry_after_s: int | None = None


class InvalidParameterError(ApiError):
    """A parameter does not have the shape that it needs."""

    def __init__(self, parameter: str, given: str, expected: str) -> None:
        self.parameter = parameter
        self.given = given[:80]
        self.expected = expected
        super().__init__(f"{parameter}: expected {expected}, got {self.given!r}")


class ChecksumError(InvalidParameterError):
    """An address is in mixed case, and its case is not the checksum of EIP-55: it was mistyped."""

    def __init__(self, parameter: str, given: str) -> None:
        super().__init__(
            parameter, given, "the mixed case of EIP-55, or all lower case; at least one character is wrong"
        )


class NoReportError(ApiError):
    """The committee has not agreed on a report yet, or this node has seen none."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"this node has no report yet; ask again in {retry_after_s} s")


class FutureEpochError(ApiError):
    """An epoch was asked for whose boundary has not come."""

    def __init__(self, epoch: int, current_epoch: int, retry_after_s: int) -> None:
        self.epoch = epoch
        self.current_epoch = current_epoch
        self.retry_after_s = retry_after_s
        super().__init__(f"epoch {epoch} has not begun; the current one is {current_epoch}")


class ReportNotFoundError(ApiError):
    """An epoch has no report, as far as this node knows."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        super().__init__(f"epoch {epoch} has no report: it was missed, is being agreed on, or this node was away")


class ScoresNotKeptError(ApiError):
    """The report of an epoch is known, its scores are not on this node's disk."""

    def __init__(self, epoch: int, oldest_kept_epoch: int | None) -> None:
        self.epoch = epoch
        self.oldest_kept_epoch = oldest_kept_epoch
        oldest = "none is kept" if oldest_kept_epoch is None else f"the oldest kept epoch is {oldest_kept_epoch}"
        super().__init__(f"the scores of epoch {epoch} are not kept here; {oldest}; `assay verify` recomputes them")


class SubjectNotListedError(ApiError):
    """A subject has no leaf in a report."""

    def __init__(self, subject: str, epoch: int) -> None:
        self.subject = subject
        self.epoch = epoch
        super().__init__(
            f"{subject} is not in the report of epoch {epoch}: there is nothing to prove, floor terms apply"
        )


class LeafNotFoundError(ApiError):
    """No kept report has this leaf."""

    def __init__(self, leaf: str) -> None:
        self.leaf = leaf
        super().__init__(f"no kept report has the leaf {leaf}")


class VectorNotKeptError(ApiError):
    """The vector behind a leaf is not on this node: it computed other features, or was away."""

    def __init__(self, leaf: str) -> None:
        self.leaf = leaf
        super().__init__(f"this node does not hold the vector behind {leaf}; ask another node, or run `assay score`")


class MarketNotFoundError(ApiError):
    """No market with this address is configured on this node."""

    def __init__(self, market: str, chain_id: int | None) -> None:
        self.market = market
        self.chain_id = chain_id
        where = "on any chain" if chain_id is None else f"on chain {chain_id}"
        super().__init__(f"no market {market} {where} is configured here; GET /v1/markets lists them")


class AmbiguousMarketError(ApiError):
    """One address is a market on several chains."""

    def __init__(self, market: str, chain_ids: tuple[int, ...]) -> None:
        self.market = market
        self.chain_ids = chain_ids
        super().__init__(f"{market} is a market on chains {', '.join(map(str, chain_ids))}: add chain_id")


class CollateralMismatchError(ApiError):
    """The collateral asked for is not the one that the market takes."""

    def __init__(self, given: str, expected: str) -> None:
        self.given = given[:80]
        self.expected = expected
        super().__init__(f"this market's collateral is {expected}, not {self.given}")


class AmountRangeError(ApiError):
    """A loan's amount is zero or more than any market can hold."""

    def __init__(self, amount: int, limit_amount: int) -> None:
        self.amount = amount
        self.limit_amount = limit_amount
        super().__init__(f"amount must lie in 1..{limit_amount} of the loan token's smallest unit")


class UnusablePriceError(ApiError):
    """The market refuses its own price: stale, zero or from the future. `borrow` would revert the same way."""

    retry_after_s = 15

    def __init__(self, market: str, reason: str) -> None:
        self.market = market
        self.reason = reason
        super().__init__(f"market {market} refuses its price ({reason}); until it is updated no loan is made")


class MarketReadError(ApiError):
    """A market answers a view call with what this release does not understand."""

    def __init__(self, market: str, reason: str) -> None:
        self.market = market
        self.reason = reason
        super().__init__(f"market {market} could not be read: {reason}")


class RootConflictError(ApiError):
    """A chain holds another root for an epoch than this node saw committed: trust neither until it is explained."""

    def __init__(self, chain_id: int, epoch: int) -> None:
        self.chain_id = chain_id
        self.epoch = epoch
        super().__init__(f"chain {chain_id} has another root for epoch {epoch} than this node; run `assay verify`")


class RateLimitError(ApiError):
    """A client asked too often."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many requests from this address; ask again in {retry_after_s} s")
