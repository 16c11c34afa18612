"""What surrounds every answer: problems, limits, ids, tags, CORS, health, nodes, and the OpenAPI document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from oracle import errors
from oracle.api.app import create_app
from oracle.api.deps import ApiDeps, RateLimit, Trouble
from oracle.api.errors import ALL_KINDS, KINDS_BY_ERROR, kind_of
from oracle.api.limits import TokenBuckets
from oracle.api.openapi import main, openapi_json
from oracle.api.reason_texts import BINDING_TEXTS, BORROWER_TEXTS, COLLATERAL_TEXTS
from oracle.domain.ids import to_hex
from oracle.domain.score import Binding
from oracle.features.registry import BORROWER_SCHEMA, COLLATERAL_SCHEMA
from tests.api.committee_world import EPOCH_S, LAST_EPOCH, RISKY, SAFE, CommitteeWorld
from tests.api.conftest import FakeClock, FakeStatus, client_of

pytestmark = pytest.mark.anyio
SCORE = f"/v1/borrowers/{to_hex(SAFE)}/score"


async def test_problem__any__has_the_members_of_rfc_9457_and_a_page(client: httpx.AsyncClient) -> None:
    problem = await client.get("/v1/reports/1", headers={"X-Request-ID": "abc-1"})

    body = problem.json()
    page = await client.get(body["type"])
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.headers["cache-control"] == "no-store"
    assert {key: body[key] for key in ("type", "status", "code", "instance", "request_id")} == {
        "type": "/v1/problems/report-not-found",
        "status": 404,
        "code": "report-not-found",
        "instance": "/v1/reports/1",
        "request_id": "abc-1",
    }
    assert page.json()["code"] == "report-not-found"
    assert page.json()["what_to_do"]


async def test_problems__list__is_complete_and_stable(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/problems")).json()["problems"]

    assert [item["code"] for item in listed] == sorted(ALL_KINDS)
    for item in listed:
        page = await client.get(item["type"])
        assert (page.status_code, page.json()) == (200, item)


def test_kind_of__every_api_error__has_a_kind_of_its_own() -> None:
    def leaves(cls: type[errors.OracleError]) -> list[type[errors.OracleError]]:
        return [cls, *(leaf for sub in cls.__subclasses__() for leaf in leaves(sub))]

    without = [cls.__name__ for cls in leaves(errors.ApiError)[1:] if cls not in KINDS_BY_ERROR]

    assert without == []


def test_kind_of__error_of_another_room__is_told_by_its_base() -> None:
    assert kind_of(errors.DatabaseBusyError("node.db")).code == "unavailable"
    assert kind_of(errors.TooFewEndpointsError(1, "block", ())).code == "chain-unavailable"
    assert kind_of(errors.EndpointDisagreementError(1, "block", {})).code == "endpoints-disagree"
    assert kind_of(errors.KeystoreError("path", "reason")).code == "internal"


async def test_unexpected_error__of_any_kind__tells_nothing_of_what_it_was(deps: ApiDeps) -> None:
    class BrokenScores:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("secret path /var/lib/node.db")

    async with client_of(replace(deps, scores=BrokenScores())) as client:  # type: ignore[arg-type]
        answer = await client.get(SCORE)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text


async def test_storage_error__with_a_path__does_not_show_it(deps: ApiDeps) -> None:
    class BusyScores:
        def __getattr__(self, name: str) -> object:
            raise errors.DatabaseBusyError("/var/lib/node.db")

    async with client_of(replace(deps, scores=BusyScores())) as client:  # type: ignore[arg-type]
        answer = await client.get(SCORE)
        ready = await client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "/var/lib" not in answer.text
    assert answer.headers["retry-after"] == "5"
    assert (ready.status_code, ready.json()["troubles"][0]["code"]) == (503, "database")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v2", 404), ("DELETE", SCORE, 405)])
async def test_router_refusal__unknown_path_or_method__is_a_problem_document(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_etag__same_answer_again__is_304_until_the_epoch_changes(
    client: httpx.AsyncClient, clock: FakeClock
) -> None:
    first = await client.get(SCORE)
    again = await client.get(SCORE, headers={"If-None-Match": first.headers["etag"]})
    clock.now += 4 * EPOCH_S * 1_000
    expired = await client.get(SCORE, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "public, max-age=15"
    assert (expired.status_code, expired.json()["report"]["is_expired"]) == (200, True)


async def test_cache_control__close_to_the_boundary__never_reaches_past_it(
    client: httpx.AsyncClient, clock: FakeClock
) -> None:
    clock.now = ((LAST_EPOCH + 1) * EPOCH_S - 4) * 1_000

    answer = await client.get(SCORE)

    assert answer.headers["cache-control"] == "public, max-age=4"


async def test_rate_limit__empty_bucket__is_429_until_it_refills(deps: ApiDeps, clock: FakeClock) -> None:
    async with client_of(replace(deps, rate_limit=RateLimit(burst_count=2, window_s=60))) as client:
        answers = [await client.get("/v1/problems") for _ in range(3)]
        health = await client.get("/healthz")
        clock.now += 30_000
        later = await client.get("/v1/problems")

    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["ratelimit"] for a in answers] == [
        '"default";r=1;t=30',
        '"default";r=0;t=60',
        '"default";r=0;t=30',
    ]
    assert answers[2].headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert answers[2].headers["retry-after"] == "30"
    assert answers[2].json()["code"] == "rate-limited"
    assert (health.status_code, later.status_code) == (200, 200)


def test_token_buckets__many_clients__forgets_the_longest_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracle.api.limits.MAX_CLIENTS", 2)
    buckets = TokenBuckets(RateLimit(burst_count=1, window_s=60), lambda: 0)

    taken = [buckets.take(client)[0] for client in ("a", "b", "c", "a", "c")]

    # "a" was forgotten when "c" came, and starts full again; "c" is remembered as empty.
    assert taken == [True, True, True, True, False]


@pytest.mark.parametrize("given", ["a b", "x" * 65, "é"])
async def test_request_id__that_could_spoil_a_log__is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/healthz", headers={b"X-Request-ID": given.encode()})

    assert len(answer.headers["x-request-id"]) == 32


async def test_cors__browser_of_any_origin__may_read_answer_and_headers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1", headers={"Origin": "https://app.example"})
    preflight = await client.options(
        "/v1/borrowers/scores",
        headers={"Origin": "https://app.example", "Access-Control-Request-Method": "POST"},
    )

    assert answer.headers["access-control-allow-origin"] == "*"
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert preflight.status_code == 200


async def test_readiness__fresh_report__is_ready(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["status"], answer.json()["troubles"]) == (200, "ready", [])


@pytest.mark.parametrize(
    ("epochs_later", "codes"),
    [(2, []), (3, ["epochs-stall", "report-expired"]), (9, ["epochs-stall", "report-expired"])],
)
async def test_readiness__epochs_stall__turns_red(
    client: httpx.AsyncClient, clock: FakeClock, epochs_later: int, codes: list[str]
) -> None:
    clock.now += epochs_later * EPOCH_S * 1_000

    answer = await client.get("/readyz")

    assert answer.status_code == (503 if codes else 200)
    assert [trouble["code"] for trouble in answer.json()["troubles"]] == codes


async def test_readiness__trouble_of_the_node__is_passed_on(client: httpx.AsyncClient, status: FakeStatus) -> None:
    status.troubles = (Trouble(code="endpoints_disagree", detail="a: 1, b: 2"),)

    ready, alive, nodes = [await client.get(path) for path in ("/readyz", "/healthz", "/v1/nodes")]

    assert ready.json()["troubles"] == [{"code": "endpoints_disagree", "detail": "a: 1, b: 2"}]
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert nodes.json()["this_node"]["is_ready"] is False


async def test_nodes__members__show_participation_and_blames(client: httpx.AsyncClient, world: CommitteeWorld) -> None:
    body = (await client.get("/v1/nodes")).json()

    counted = body["counted_reports"]
    assert [m["observed_reports"] for m in body["members"]] == [counted, counted, counted, 0]
    assert [m["attested_reports"] for m in body["members"]][3] == 0
    assert [m["is_this_node"] for m in body["members"]] == [True, False, False, False]
    assert body["blames"][0]["node"] == 3
    assert body["blames"][0]["difference"] == "pdPpm 1 instead of 159136"
    assert body["blames"][0]["subject"] == "0x" + "00" * 12 + RISKY.hex()
    assert body["config_digest"] == to_hex(world.config.digest)


async def test_service__index__publishes_limits_and_links_that_exist(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1")).json()

    assert (body["rate_limit_requests"], body["rate_limit_window_seconds"]) == (1_000, 60)
    for name in ("documentation", "openapi", "collaterals", "markets", "latest_report", "nodes", "problems"):
        assert (await client.get(body["links"][name])).status_code == 200, name
    assert "GET /v1/quote" in (await client.get("/llms.txt")).text


async def test_service__root__leads_to_the_index(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", follow_redirects=True)

    assert (answer.status_code, answer.url.path) == (200, "/v1")
    assert answer.json()["links"]["documentation"] == "/docs"


def test_reason_texts__every_feature_and_binding__has_its_words() -> None:
    assert set(BORROWER_TEXTS) == {feature.name for feature in BORROWER_SCHEMA}
    assert set(COLLATERAL_TEXTS) == {feature.name for feature in COLLATERAL_SCHEMA}
    assert set(BINDING_TEXTS) == set(Binding)


async def test_openapi__committed_document__is_what_the_code_serves(
    client: httpx.AsyncClient, repository_root: Path
) -> None:
    committed = (repository_root / "openapi" / "openapi.json").read_text(encoding="utf-8")

    served = (await client.get("/openapi.json")).json()

    assert committed == openapi_json()
    assert served["paths"].keys() == create_app_paths(committed)


def create_app_paths(document: str) -> set[str]:
    import json

    return set(json.loads(document)["paths"])


def test_openapi_check__drifted_file__fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same, drifted = tmp_path / "same.json", tmp_path / "drifted.json"
    same.write_text(openapi_json(), encoding="utf-8")
    drifted.write_text("{}", encoding="utf-8")

    assert main(["--check", str(same)]) == 0
    assert main(["--check", str(drifted)]) == 1
    assert "make openapi" in capsys.readouterr().err


def test_openapi__every_operation__has_summary_description_and_problem_answers(deps: ApiDeps) -> None:
    operations = [op for item in create_app(deps).openapi()["paths"].values() for op in item.values()]

    assert len(operations) == 19
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert "application/problem+json" in operation["responses"]["4XX"]["content"]
