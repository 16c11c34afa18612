"""The leaves of one report as a file: what whoever wants to name a difference has to hold.

JSON {"epoch": 123, "entries": ["0x...", ...]}, each entry the ABI encoding of a score. A URL that answers the same is read as well.
"""

from __future__ import annotations

from pathlib import Path

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from oracle.domain.ids import to_hex
from oracle.domain.score import Score, decode_score
from oracle.domain.units import Epoch
from oracle.errors import ConfigurationError, MalformedValueError
from oracle.node.settings import explain_validation

TIMEOUT_S = 30.0


class LeavesDocument(BaseModel):
    """The file's content; unknown keys are allowed, so that an API answer may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    epoch: int
    entries: tuple[str, ...]


def read_leaves(source: str, epoch: Epoch) -> tuple[Score, ...]:
    """Return the scores of a file or URL.

    Raises:
        ConfigurationError: if it cannot be read, is of another epoch, or an entry is no score.
    """
    try:
        document = LeavesDocument.model_validate_json(fetch_document(source))
        scores = tuple(decode_score(bytes.fromhex(entry.removeprefix("0x"))) for entry in document.entries)
    except ValidationError as error:
        raise ConfigurationError(f"leaves {source}: {explain_validation(error)}") from None
    except (MalformedValueError, ValueError) as error:
        raise ConfigurationError(f"leaves {source}: {error}") from error
    if document.epoch != epoch:
        raise ConfigurationError(f"leaves {source} are of epoch {document.epoch}, not {epoch}")
    return scores


def write_leaves(path: Path, epoch: Epoch, scores: tuple[Score, ...]) -> None:
    """Write the leaves of a report."""
    document = {"epoch": epoch, "entries": [to_hex(score.encoded) for score in scores]}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def fetch_document(source: str) -> bytes:
    """Return the content of a file or URL.

    Raises:
        ConfigurationError: if it cannot be read.
    """
    if not source.startswith(("http://", "https://")):
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"leaves {source}: {error.strerror}") from error
    try:
        response = httpx.get(source, timeout=TIMEOUT_S, follow_redirects=True)
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise ConfigurationError(f"leaves {source}: {error}") from error
    return response.content
