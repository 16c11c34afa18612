"""Model bundles: a folder per release, loaded only if every byte of it is what its manifest and our code say.

`model.bin` is the model and its keccak the model id; `model.onnx` the same trees for ONNX Runtime; `schema.json` the features; `selftest.json` 256 vectors
with their encoded leaves; `card.md` the model card; `reference.json`, which a bundle may lack, says how its training rows are distributed; `manifest.json`
(canonical JSON) binds them. Source: `tests/vectors/FORMATS.md`, section 8.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from oracle.domain.ids import Hash32, keccak256, to_hex
from oracle.domain.score import ScoreKind
from oracle.errors import BundleError, MalformedValueError, SandboxBundleError
from oracle.features.registry import BORROWER_SCHEMA, COLLATERAL_SCHEMA, Schema, schema_digest, schema_json
from oracle.scoring.codec import decode_model, encode_tables
from oracle.scoring.model import Model, ModelFlag, find_defects
from oracle.scoring.population import Reference, decode_reference

BUNDLES_DIR = Path(__file__).parent / "bundles"
MANIFEST = "manifest.json"
MODEL, GRAPH, SCHEMA, SELFTEST, CARD = "model.bin", "model.onnx", "schema.json", "selftest.json", "card.md"
FILES = (CARD, MODEL, GRAPH, SCHEMA, SELFTEST)
REFERENCE = "reference.json"
SELFTEST_COUNT = 256
MANIFEST_FORMAT = 2
_SPAN = re.compile(r"^Training span: (\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d) UTC\.$", re.MULTILINE)
_SOURCE_SPAN = re.compile(r"^Training span of (\w+): (\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d) UTC\.$", re.MULTILINE)
SCHEMAS = {ScoreKind.BORROWER: BORROWER_SCHEMA, ScoreKind.COLLATERAL: COLLATERAL_SCHEMA}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A loaded release; `graph` is the ONNX model, `reference` None where the release says nothing of its training rows."""

    name: str
    model: Model
    model_id: Hash32
    schema: Schema
    graph: bytes = field(repr=False)
    card: str = field(repr=False)
    reference: Reference | None = field(repr=False, default=None)

    @property
    def kind(self) -> ScoreKind:
        """Return what the bundle scores."""
        return self.model.kind

    @property
    def trees_active(self) -> bool:
        """Return whether the trees' sum counts in a score."""
        return self.model.trees_active

    @property
    def is_sandbox_only(self) -> bool:
        """Return whether the bundle was trained on generated activity."""
        return ModelFlag.SANDBOX_ONLY in self.model.flags

    @property
    def training_span(self) -> tuple[date, date] | None:
        """Return the first day that training took a row from, and the day at whose 00:00 UTC what it knew ends; None if the card does not say."""
        return read_training_span(self.card)

    def training_span_of(self, source: str) -> tuple[date, date] | None:
        """Return the span of one of the data sets that training read: what it knew of that source; of all of them where the card does not tell them apart."""
        return read_source_spans(self.card).get(source, self.training_span)

    @property
    def tables_bytes(self) -> bytes:
        """Return the tables section of `model.bin`: what goes on chain to price borrowers."""
        return encode_tables(self.model.tables)


def load_bundle(name_or_path: str | Path, *, allow_sandbox: bool) -> Bundle:
    """Return the bundle of a released name or of a folder, after checking every byte and running its self-test.

    Raises:
        BundleError: if a file is missing or damaged, the schema is not this code's, or the self-test fails.
        SandboxBundleError: if it is for the sandbox only and that is not allowed.
    """
    path = bundle_folder(name_or_path)
    try:
        bundle = _read(path)
    except (OSError, MalformedValueError, ValueError, KeyError, TypeError) as error:
        raise BundleError(path.name, _reason(error)) from error
    if bundle.is_sandbox_only and not allow_sandbox:
        raise SandboxBundleError(bundle.name)
    return bundle


def read_training_span(card: str) -> tuple[date, date] | None:
    """Return the training span that a card states, None if it states none.

    Raises:
        ValueError: if it names a day that does not exist.
    """
    found = _SPAN.search(card)
    return None if found is None else (date.fromisoformat(found[1]), date.fromisoformat(found[2]))


def read_source_spans(card: str) -> dict[str, tuple[date, date]]:
    """Return the training span of each data set that a card names.

    Raises:
        ValueError: if it names a day that does not exist.
    """
    return {m[1]: (date.fromisoformat(m[2]), date.fromisoformat(m[3])) for m in _SOURCE_SPAN.finditer(card)}


def training_span_line(first: date, until: date, source: str = "") -> str:
    """Return the line of a card that states its training span, or that of one source."""
    return f"Training span{' of ' if source else ''}{source}: {first} to {until} UTC."


def manifest_json(name: str, model: Model, files: dict[str, bytes], *, version: int = MANIFEST_FORMAT) -> str:
    """Return the manifest of a bundle with these files: one canonical text, nothing in it that is not checked.

    Format 2 lists the training span of each data set that the card names; format 1 has that of all of them alone.
    """
    content: dict[str, Any] = {
        "files": {file: to_hex(keccak256(files[file])) for file in sorted(files)},
        "format": version,
        "kind": model.kind.name.lower(),
        "model_id": to_hex(keccak256(files[MODEL])),
        "name": name,
        "sandbox_only": ModelFlag.SANDBOX_ONLY in model.flags,
        "schema_digest": to_hex(model.schema_digest),
        "trees_active": model.trees_active,
    }
    if (span := read_training_span(files[CARD].decode())) is not None:
        content["training_span"] = [str(day) for day in span]
    if version > 1:
        spans = read_source_spans(files[CARD].decode())
        content["training_spans"] = {source: [str(day) for day in span] for source, span in spans.items()}
    return json.dumps(content, sort_keys=True, indent=2) + "\n"


def released_bundles() -> list[str]:
    """Return the names of the bundles that ship with this code."""
    return sorted(p.parent.name for p in BUNDLES_DIR.glob(f"*/{MANIFEST}"))


def bundle_folder(name_or_path: str | Path) -> Path:
    """Return where a released bundle, or that of a folder, lies.

    Raises:
        BundleError: if there is none.
    """
    released = BUNDLES_DIR / name_or_path
    path = released if released.is_dir() else Path(name_or_path)
    if not path.is_dir():
        known = ", ".join(released_bundles()) or "none"
        raise BundleError(str(name_or_path), f"there is no such bundle or folder (released: {known})")
    return path


def _read(path: Path) -> Bundle:
    files = {file: (path / file).read_bytes() for file in FILES}
    if (path / REFERENCE).exists():
        files[REFERENCE] = (path / REFERENCE).read_bytes()
    manifest_bytes = (path / MANIFEST).read_bytes()
    model = decode_model(files[MODEL])
    manifest: Any = json.loads(manifest_bytes)
    for file, content in files.items():
        if manifest["files"].get(file) != to_hex(keccak256(content)):
            raise BundleError(path.name, f"{file} is not the file that {MANIFEST} names")
    version = manifest["format"]
    if type(version) is not int or not 1 <= version <= MANIFEST_FORMAT:
        raise BundleError(path.name, f"{MANIFEST} is of format {version}, and this code reads up to {MANIFEST_FORMAT}")
    if manifest_bytes != manifest_json(manifest["name"], model, files, version=version).encode():
        raise BundleError(path.name, f"{MANIFEST} does not describe the model beside it")
    if manifest["name"] != path.name:
        raise BundleError(path.name, f"{MANIFEST} is that of {manifest['name']}")
    schema = SCHEMAS[model.kind]
    if model.schema_digest != schema_digest(schema) or model.n_features != len(schema):
        raise BundleError(path.name, "it was trained on another feature schema than this code computes")
    if files[SCHEMA].decode() != schema_json(schema):
        raise BundleError(path.name, f"{SCHEMA} is not the feature schema")
    if defects := find_defects(model):
        raise BundleError(path.name, "; ".join(defects))
    bundle = Bundle(
        name=path.name,
        model=model,
        model_id=keccak256(files[MODEL]),
        schema=schema,
        graph=files[GRAPH],
        card=files[CARD].decode(),
        reference=decode_reference(files[REFERENCE].decode(), model.kind) if REFERENCE in files else None,
    )
    _run_selftest(bundle, json.loads(files[SELFTEST]))
    return bundle


def _run_selftest(bundle: Bundle, cases: list[dict[str, str]]) -> None:
    from oracle.scoring.selftest import find_failures

    if len(cases) != SELFTEST_COUNT:
        raise BundleError(bundle.name, f"{SELFTEST} has {len(cases)} vectors, not {SELFTEST_COUNT}")
    if failures := find_failures(bundle, cases):
        raise BundleError(bundle.name, f"self-test: {failures[0]} ({len(failures)} of {len(cases)} vectors differ)")


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{Path(str(error.filename)).name} is missing"
    return f"{type(error).__name__}: {error}"
