"""The service itself: where to start, the problem documents, and a page for language models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from oracle.api.answers import answer
from oracle.api.deps import Deps
from oracle.api.errors import ALL_KINDS, PROBLEMS_PATH, ProblemKind
from oracle.api.schemas.nodes import ProblemsAnswer, ProblemType, ServiceAnswer
from oracle.api.views import model_ids
from oracle.domain.ids import to_hex
from oracle.errors import InvalidParameterError

router = APIRouter(tags=["service"])

LINKS = {
    "documentation": "/docs",
    "openapi": "/openapi.json",
    "score": "/v1/borrowers/{address}/score",
    "scores": "/v1/borrowers/scores",
    "proof": "/v1/borrowers/{address}/proof",
    "collaterals": "/v1/collaterals",
    "markets": "/v1/markets",
    "quote": "/v1/quote?borrower={address}&market={market}&amount={amount}&chain_id={chain_id}",
    "latest_report": "/v1/reports/latest",
    "nodes": "/v1/nodes",
    "problems": PROBLEMS_PATH,
}
LLMS_TEXT = """# Assay

> Risk scores of DeFi borrowers and collaterals, agreed on and signed by a committee once per epoch. Read-only REST API; all numbers are integers.

- Start: [GET /v1](/v1) - committee, models, limits, links
- Reference: [OpenAPI](/openapi.json), [problem documents](/v1/problems)
- A score: GET /v1/borrowers/{address}/score - pd_ppm is the probability of a liquidation within 30 days in parts per million; grade 1 best to 10 worst
- A loan's terms: GET /v1/quote?borrower=&market=&amount=&chain_id= - chain_id only where two chains have a market of that address; amounts are decimal strings in the token's smallest unit
- Pairs: GET /v1/collaterals; markets: GET /v1/markets
- Facts to keep in mind: `unknown` and `unrated` borrowers get floor terms, that is no error; a score is valid until report.valid_until
"""


@router.get("/", include_in_schema=False)
def get_root() -> RedirectResponse:
    """Lead to where everything starts."""
    return RedirectResponse("/v1")


@router.get("/v1", response_model=ServiceAnswer, summary="Where to start")
def get_service(request: Request, deps: Deps) -> Response:
    """The committee, the models, the rate limit, and links to everything else."""
    params = deps.config.params
    body = ServiceAnswer(
        name="Assay",
        version=deps.status.status().version,
        epoch_seconds=params.epoch_seconds,
        validity_seconds=params.validity_seconds,
        current_epoch=deps.current_epoch(),
        config_digest=to_hex(deps.config.digest),
        chain_ids=[chain.chain_id for chain in params.chains],
        models=model_ids(deps),
        rate_limit_requests=deps.rate_limit.burst_count,
        rate_limit_window_seconds=deps.rate_limit.window_s,
        links=LINKS,
    )
    return answer(request, deps, body)


@router.get(PROBLEMS_PATH, response_model=ProblemsAnswer, summary="Every kind of problem document")
def get_problems(request: Request, deps: Deps) -> Response:
    """The stable codes, what they mean, and what to do."""
    return answer(request, deps, ProblemsAnswer(problems=[_problem_type(kind) for kind in ALL_KINDS.values()]))


@router.get(PROBLEMS_PATH + "/{code}", response_model=ProblemType, summary="One kind of problem document")
def get_problem(
    request: Request,
    deps: Deps,
    code: Annotated[str, Path(description="The `code` of a problem document.", examples=["report-not-found"])],
) -> Response:
    """The page that a problem document's `type` leads to."""
    kind = ALL_KINDS.get(code)
    if kind is None:
        raise InvalidParameterError("code", code, f"one of those that GET {PROBLEMS_PATH} lists")
    return answer(request, deps, _problem_type(kind))


@router.get("/llms.txt", response_class=PlainTextResponse, include_in_schema=False)
def get_llms_text() -> str:
    """Return the page for language models."""
    return LLMS_TEXT


def _problem_type(kind: ProblemKind) -> ProblemType:
    return ProblemType(
        type=kind.type_uri,
        code=kind.code,
        status=kind.status,
        title=kind.title,
        meaning=kind.meaning,
        what_to_do=kind.advice,
    )
