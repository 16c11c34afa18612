"""The application: routes, problem documents, limits and CORS, around what `ApiDeps` holds.

It needs no lifespan and keeps nothing but the rate limiter's buckets, so a node mounts it behind its own messages in the same process.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from oracle.api.deps import ApiDeps
from oracle.api.errors import (
    PROBLEM_MEDIA_TYPE,
    on_http_error,
    on_oracle_error,
    on_unexpected_error,
    on_validation_error,
)
from oracle.api.limits import RequestFrame, TokenBuckets
from oracle.api.routes import borrowers, collaterals, nodes, quotes, reports, service
from oracle.api.schemas.nodes import Problem
from oracle.errors import OracleError

API_VERSION = "1.0.0"
TITLE = "Assay API"
DESCRIPTION = """
Risk scores of DeFi borrowers and collaterals, agreed on and signed by a committee once per epoch, and the loan terms that follow from them.

- **Every answer** about a score names the report it stands on: epoch, blocks (`cut`), report hash, model ids and validity.
- **Integers only.** `_ppm` is parts per million, `_bps` basis points, `_margin` log-odds in 1/4096. Amounts are decimal strings in a token's smallest unit.
- **Unknown and unrated borrowers** are no error: they borrow on floor terms, as anyone does without a proof.
- **Errors** are RFC 9457 problem documents with a stable `code`; `type` leads to its page, `GET /v1/problems` lists all.
- **Limits** are announced in `RateLimit-Policy` and `RateLimit` headers; 429 carries `Retry-After`. Answers have an `ETag`.
- **Nothing has to be believed**: proofs are for contracts, leaves and vectors for `assay verify`.
"""
TAGS = [
    {"name": "borrowers", "description": "Scores of addresses, explained, and their proofs."},
    {"name": "collaterals", "description": "Pairs: liquidation threshold, LTV ceiling and floor, and why."},
    {"name": "terms", "description": "What a loan would get in a market, equal to what the contract grants."},
    {"name": "reports", "description": "What was signed, and everything needed to recompute it."},
    {"name": "nodes", "description": "The committee: participation and blames."},
    {"name": "health", "description": "For load balancers."},
    {"name": "service", "description": "Where to start, and the problem documents."},
]
_PROBLEM: dict[str, Any] = {
    "model": Problem,
    "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {**_PROBLEM, "description": "The request cannot be answered as asked; see `code`."},
    "5XX": {**_PROBLEM, "description": "The node cannot answer now; see `code`, and `Retry-After` if given."},
}


class DocumentedApi(FastAPI):
    """FastAPI whose document leaves out the framework's own 422: this API answers problem documents, which `4XX` describes."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for operations in document["paths"].values():
                for operation in operations.values():
                    operation["responses"].pop("422", None)
            for name in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(name, None)
            self.openapi_schema = document
        return self.openapi_schema


def create_app(deps: ApiDeps) -> FastAPI:
    """Return the API of a node."""
    app = build_app()
    app.state.deps = deps
    app.state.buckets = TokenBuckets(deps.rate_limit, deps.clock.now_ms)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(deps.allowed_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type", "If-None-Match", "X-Request-ID"],
        expose_headers=["ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"],
    )
    app.add_middleware(RequestFrame, buckets=lambda: app.state.buckets)
    return app


def build_app() -> FastAPI:
    """Return routes and problem documents without anything behind them: what the OpenAPI document is made from."""
    app = DocumentedApi(
        title=TITLE,
        version=API_VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        license_info={"name": "MIT", "identifier": "MIT"},
        redoc_url=None,
        responses=PROBLEM_RESPONSES,
        generate_unique_id_function=lambda route: route.name,
    )
    for room in (borrowers, collaterals, quotes, reports, nodes, service):
        app.include_router(room.router)
    app.add_exception_handler(OracleError, on_oracle_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_unexpected_error)
    return app
