"""Every operation of the OpenAPI document, tried with generated parameters and bodies: no 500, and every answer is as described.

In-process, bounded and derandomised. The market's state and the epochs are the seeded ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from oracle.api.app import create_app
from oracle.api.deps import ApiDeps, RateLimit
from oracle.api.stored import StoredReports
from oracle.api.symbols import FixedSymbols
from oracle.storage.engine import open_database
from tests.api.committee_world import CHAINS, WETH, seed_world
from tests.api.conftest import LISTINGS, FakeClock, FakeMarkets, FakeStatus, make_state

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, vectors_dir: Path) -> Iterator[OpenApiSchema]:
    database = open_database(tmp_path_factory.mktemp("contract") / "node.db")
    world = seed_world(database, vectors_dir)
    state = make_state(world)
    deps = ApiDeps(
        config=world.config,
        borrower_bundle=world.borrower_bundle,
        collateral_bundle=world.collateral_bundle,
        scores=StoredReports(world.database),
        markets=FakeMarkets(states={(item.chain_id, item.market): state for item in LISTINGS}),
        status=FakeStatus(),
        clock=FakeClock(),
        listings=LISTINGS,
        symbols=FixedSymbols({(CHAINS[0], WETH): "WETH"}),
    )
    yield schemathesis.openapi.from_asgi(
        "/openapi.json", create_app(replace(deps, rate_limit=RateLimit(burst_count=10**6)))
    )
    database.close()


def validate(operation: APIOperation[Any, Any, Any, Any]) -> None:
    """Try one operation with generated requests."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=12,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def is_answered_as_described(case: Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS)

    is_answered_as_described()


def test_every_operation__generated_requests__are_answered_as_described(api: OpenApiSchema) -> None:
    operations = [found.ok() for found in api.get_all_operations() if isinstance(found, Ok)]

    for operation in operations:
        validate(operation)

    assert len(operations) == 19
