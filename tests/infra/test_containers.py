"""The image and the four-node file: schema, rules of safe containers, and locks that are the project's own. Numbers are those of `infra/README.md`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]

NODES = [f"node-{i}" for i in range(4)]


@pytest.fixture(scope="module")
def infra(repository_root: Path) -> Path:
    return repository_root / "infra"


@pytest.fixture(scope="module")
def compose(infra: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((infra / "compose" / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def dockerfile(infra: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    # The parser writes beside what it reads, so it gets a copy.
    copy = tmp_path_factory.mktemp("docker") / "Dockerfile"
    copy.write_text((infra / "docker" / "Dockerfile").read_text(encoding="utf-8"), encoding="utf-8")
    structure: list[dict[str, Any]] = DockerfileParser(path=str(copy)).structure
    return structure


def locked(path: Path) -> dict[str, set[str]]:
    """Return hashes by `name==version` of a lock."""
    entries: dict[str, set[str]] = {}
    current = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9-]+)==([^ ;\\]+)", line):
            current = match.group()
            entries.setdefault(current, set())
        entries.setdefault(current, set()).update(re.findall(r"sha256:([0-9a-f]{64})", line))
    entries.pop("", None)
    return entries


def run_checker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)


def test_compose__file__fits_the_specification(infra: Path) -> None:
    checked = run_checker(
        "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(infra / "compose" / "compose.yaml")
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_yaml__of_infra__is_clean(infra: Path) -> None:
    checked = run_checker("yamllint", "--strict", str(infra))

    assert checked.returncode == 0, checked.stdout


def test_compose__services__are_four_nodes_with_their_own_port_volume_and_key(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert list(services) == NODES
    for part in ("ports", "volumes"):
        assert len({services[node][part][0] for node in NODES}) == 4
    assert all(services[node]["ports"][0].startswith("127.0.0.1:") for node in NODES)
    assert len({services[node]["secrets"][0]["source"] for node in NODES}) == 4


def test_compose__every_reference__is_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert {item["source"] for item in service["configs"]} <= set(compose["configs"])
        assert {item["source"] for item in service["secrets"]} <= set(compose["secrets"])
        assert {item.split(":")[0] for item in service["volumes"]} <= set(compose["volumes"])
        assert set(service["networks"]) <= set(compose["networks"])


def test_compose__every_service__runs_without_rights_and_secrets_in_its_environment(compose: dict[str, Any]) -> None:
    """Invariants 2 and 3."""
    for service in compose["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["healthcheck"]["test"][0] == "CMD"
        assert not any("PASSWORD" in name and not name.endswith("_FILE") for name in service["environment"])


def test_compose__environment__names_settings_that_exist(compose: dict[str, Any]) -> None:
    from oracle.node.settings import LocalSettings

    known = {f"ASSAY_{name.upper()}" for name in LocalSettings.model_fields}

    assert all(set(service["environment"]) <= known for service in compose["services"].values())


def test_dockerfile__stages__are_two_from_one_pinned_python(
    dockerfile: list[dict[str, Any]], repository_root: Path
) -> None:
    wanted = (repository_root / ".python-version").read_text(encoding="utf-8").strip()
    stages = [item["value"] for item in dockerfile if item["instruction"] == "FROM"]
    images = [item["value"] for item in dockerfile if item["instruction"] == "ARG"]

    assert stages == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE} AS node"]
    assert images == [f"PYTHON_IMAGE=python:{wanted}-slim-bookworm"]


def test_dockerfile__last_stage__drops_root_and_has_a_health_check(dockerfile: list[dict[str, Any]]) -> None:
    """Invariant 3."""
    start = max(i for i, item in enumerate(dockerfile) if item["instruction"] == "FROM")
    last = dockerfile[start:]
    instructions = [item["instruction"] for item in last]

    assert [item["value"] for item in last if item["instruction"] == "USER"] == ["10001:10001"]
    assert instructions.index("USER") < instructions.index("ENTRYPOINT")
    assert {"HEALTHCHECK", "STOPSIGNAL", "EXPOSE", "VOLUME"} <= set(instructions)
    assert all(item["value"].startswith("[") for item in last if item["instruction"] in ("ENTRYPOINT", "CMD"))


def test_dockerfile__every_install__is_by_hash_or_of_our_own_wheel(dockerfile: list[dict[str, Any]]) -> None:
    commands = [part for item in dockerfile if item["instruction"] == "RUN" for part in item["value"].split("&&")]
    installs = [command for command in commands if "pip install" in command]

    assert len(installs) == 3
    assert all("--require-hashes" in command or "--no-deps /dist/" in command for command in installs)
    assert not any("apt" in command.split() or "curl" in command or "ADD" in command for command in commands)


def test_dockerfile__every_copied_path__exists_and_is_let_through(
    dockerfile: list[dict[str, Any]], infra: Path, repository_root: Path
) -> None:
    ignored = (infra / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [
        source
        for item in dockerfile
        if item["instruction"] == "COPY" and "--from" not in item["value"]
        for source in item["value"].split()[:-1]
    ]

    assert len(sources) == 6
    for source in sources:
        assert (repository_root / source).exists()
        assert f"!{source}" in ignored


def test_node_lock__every_package__is_the_projects_own_version_with_its_hashes(repository_root: Path) -> None:
    """Invariant 1."""
    project = locked(repository_root / "requirements.lock")
    node = locked(repository_root / "infra" / "docker" / "requirements.lock")

    assert {name: hashes for name, hashes in node.items() if hashes != project.get(name)} == {}


def test_node_lock__names__hold_the_node_and_no_training_library(repository_root: Path) -> None:
    """Invariant 1."""
    extras = tomllib.loads((repository_root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*extras["dependencies"], *extras["optional-dependencies"]["api"]]
    direct = {re.match(r"[a-z0-9-]+", name.lower()).group() for name in wanted}  # type: ignore[union-attr]
    node = {name.split("==")[0] for name in locked(repository_root / "infra" / "docker" / "requirements.lock")}

    assert direct <= node
    assert not node & {"xgboost-cpu", "scikit-learn", "polars", "duckdb", "numba", "web3", "pytest", "setuptools"}
