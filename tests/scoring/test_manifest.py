"""Manifests: what each format lists, and formats that this code does not read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from oracle.errors import BundleError
from oracle.scoring.bundle import BUNDLES_DIR, FILES, MANIFEST, REFERENCE, load_bundle, manifest_json


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "borrower-1"
    shutil.copytree(BUNDLES_DIR / "borrower-1", folder)
    return folder


def rewrite_manifest(folder: Path, version: int) -> dict[str, Any]:
    """Write the manifest that a bundle has in a format, and return it."""
    bundle = load_bundle(folder, allow_sandbox=False)
    files = {name: (folder / name).read_bytes() for name in (*FILES, REFERENCE) if (folder / name).exists()}
    text = manifest_json(bundle.name, bundle.model, files, version=version)
    (folder / MANIFEST).write_text(text)
    content: dict[str, Any] = json.loads(text)
    return content


def test_manifest__format_2__lists_the_span_of_each_source(copy: Path) -> None:
    manifest = rewrite_manifest(copy, 2)

    bundle = load_bundle(copy, allow_sandbox=False)
    assert sorted(manifest["training_spans"]) == ["maker_ethb_vaults", "morpho_base_2025"]
    for source, span in manifest["training_spans"].items():
        assert f"Training span of {source}: {span[0]} to {span[1]} UTC." in bundle.card


def test_manifest__format_1__loads_and_lists_none(copy: Path) -> None:
    assert "training_spans" not in rewrite_manifest(copy, 1)

    assert load_bundle(copy, allow_sandbox=False).training_span is not None


@pytest.mark.parametrize("version", [0, 3, True, "1", None])
def test_manifest__format_unknown__is_refused(copy: Path, version: object) -> None:
    manifest = {**rewrite_manifest(copy, 1), "format": version}
    (copy / MANIFEST).write_text(json.dumps(manifest, sort_keys=True, indent=2) + "\n")

    with pytest.raises(BundleError, match="format"):
        load_bundle(copy, allow_sandbox=False)
