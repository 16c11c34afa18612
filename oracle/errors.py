"""The one tree of errors; every room's branch is drawn here.

Rule: names end in ``Error``, facts are attributes, the message is built in ``__init__`` and says what to do. ``retryable``
decides what the node's single handler does: True waits and tries again, False stops that piece of work.
"""

from __future__ import annotations


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
        super().__init__(f"{path} is missing: run `{command}`, or `make setup`")


class ChainProcessError(SandboxError):
    """A sandbox chain does not run as it should."""

    def __init__(self, chain_id: int, reason: str) -> None:
        self.chain_id = chain_id
        self.reason = reason
        super().__init__(f"sandbox chain {chain_id}: {reason}")


class SandboxRpcError(SandboxError):
    """A JSON-RPC call of the sandbox failed."""

    def __init__(self, url: str, method: str, reason: str) -> None:
        self.url = url
        self.method = method
        self.reason = reason
        super().__init__(f"{method} at {url}: {reason}")


class DeploymentError(SandboxError):
    """A transaction of a deployment was reverted."""

    def __init__(self, chain_id: int, step: str, reason: str) -> None:
        self.chain_id = chain_id
        self.step = step
        self.reason = reason
        super().__init__(f"chain {chain_id}: {step} was reverted: {reason}")
