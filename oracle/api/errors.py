"""Problem documents (RFC 9457): one stable code for each kind of error, and what the reader should do about it.

`type` is a relative URI, the page of that code. Unknown errors become `internal` without a word of what went wrong; the log has it under the request id.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from oracle import errors
from oracle.api.schemas.nodes import Problem, ProblemField

PROBLEMS_PATH = "/v1/problems"
PROBLEM_MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """One kind of problem document."""

    code: str
    status: int
    title: str
    meaning: str
    advice: str

    @property
    def type_uri(self) -> str:
        """Return the relative URI of the page that explains it."""
        return f"{PROBLEMS_PATH}/{self.code}"


def _kind(code: str, status: int, title: str, meaning: str, advice: str) -> ProblemKind:
    return ProblemKind(code=code, status=status, title=title, meaning=meaning, advice=advice)


INVALID = _kind(
    "invalid-request", 422, "The request is malformed", "A parameter is missing or has another shape.", "See `errors`."
)
UNKNOWN_ROUTE = _kind(
    "no-such-route", 404, "There is nothing at this path", "The path is not one of the API's.", "See /docs."
)
METHOD = _kind(
    "method-not-allowed", 405, "The path does not take this method", "Another method is meant.", "See /docs."
)
INTERNAL = _kind(
    "internal",
    500,
    "The node failed",
    "A fault of this node, not of the request.",
    "Ask another node, and tell the operator the request id.",
)
UNAVAILABLE = _kind(
    "unavailable",
    503,
    "The node cannot answer now",
    "Its database or a chain fails.",
    "Ask again, or ask another node.",
)
RATE_LIMITED = _kind(
    "rate-limited",
    429,
    "Too many requests",
    "The client's bucket is empty; RateLimit headers tell how full it is.",
    "Wait for Retry-After; look up many addresses with POST /v1/borrowers/scores.",
)

KINDS_BY_ERROR: dict[type[errors.OracleError], ProblemKind] = {
    errors.ChecksumError: _kind(
        "wrong-checksum",
        422,
        "The address is mistyped",
        "It is in mixed case and does not match its EIP-55 checksum.",
        "Copy the address again, or send it in lower case if you are sure of it.",
    ),
    errors.InvalidParameterError: _kind(
        "invalid-parameter",
        422,
        "A parameter is malformed",
        "An address, subject, epoch or amount does not have its shape.",
        "Addresses are 0x and 40 hex digits, subjects and leaves 0x and 64, amounts decimal integers.",
    ),
    errors.NoReportError: _kind(
        "no-report-yet",
        503,
        "There is no report yet",
        "The committee has not agreed on one, or this node has just started.",
        "Ask again after Retry-After.",
    ),
    errors.FutureEpochError: _kind(
        "epoch-in-future",
        404,
        "The epoch has not begun",
        "Its boundary lies in the future.",
        "Ask for an earlier epoch, or after Retry-After.",
    ),
    errors.ReportNotFoundError: _kind(
        "report-not-found",
        404,
        "The epoch has no report",
        "The committee missed it, is still agreeing on it, or this node was away.",
        "Ask another node, or use GET /v1/reports/latest. A missed epoch costs freshness only.",
    ),
    errors.ScoresNotKeptError: _kind(
        "scores-not-kept",
        410,
        "The scores of the epoch are gone",
        "Nodes keep reports for ever and scores for a number of epochs.",
        "Recompute them from the chains with `assay verify`.",
    ),
    errors.SubjectNotListedError: _kind(
        "subject-not-listed",
        404,
        "The subject is not in the report",
        "It has no debt and no recent borrow, or its chain was stalled: there is no leaf, so nothing can be proved.",
        "Borrow without a proof: floor terms apply.",
    ),
    errors.LeafNotFoundError: _kind(
        "leaf-not-found", 404, "No such leaf", "No kept report has it.", "Take a leaf from a score of a kept epoch."
    ),
    errors.VectorNotKeptError: _kind(
        "vector-not-kept",
        404,
        "The vector is not here",
        "This node computed other features than the committee agreed on, or was away.",
        "Ask another node; the leaf's features hash tells whether its answer is right.",
    ),
    errors.MarketNotFoundError: _kind(
        "market-not-found", 404, "No such market", "It is not configured on this node.", "See GET /v1/markets."
    ),
    errors.AmbiguousMarketError: _kind(
        "ambiguous-market",
        422,
        "The market is on several chains",
        "Contracts can have one address on several chains.",
        "Add chain_id.",
    ),
    errors.CollateralMismatchError: _kind(
        "collateral-mismatch",
        422,
        "The market takes another collateral",
        "Each market has one collateral.",
        "See GET /v1/markets, or leave collateral out.",
    ),
    errors.AmountRangeError: _kind(
        "amount-out-of-range",
        422,
        "The amount is out of range",
        "It is zero, or more than a market's books hold.",
        "Send the loan token's smallest unit as a decimal integer.",
    ),
    errors.UnusablePriceError: _kind(
        "unusable-price",
        503,
        "The market refuses its price",
        "The price feed is stale, zero or from the future; `borrow` reverts in the same way.",
        "Ask again when the feed was updated. Repayment works without a price.",
    ),
    errors.MarketReadError: _kind(
        "market-unreadable",
        502,
        "The market could not be read",
        "It is no market of this release, or prices with other tables than the committee's model.",
        "Tell the operator: a market is misconfigured.",
    ),
    errors.RootConflictError: _kind(
        "root-conflict",
        500,
        "Chain and node hold different reports of one epoch",
        "More than f members signed twice, or this node's database was altered.",
        "Trust neither; run `assay verify`.",
    ),
    errors.RateLimitError: RATE_LIMITED,
    errors.EndpointDisagreementError: _kind(
        "endpoints-disagree",
        503,
        "The chain's endpoints disagree",
        "Nothing is believed on the word of one endpoint, and no two gave the same.",
        "Ask again, or ask another node.",
    ),
    errors.ChainError: _kind(
        "chain-unavailable",
        503,
        "The chain cannot be read now",
        "Fewer than two of its endpoints answered.",
        "Ask again, or ask another node.",
    ),
    errors.StorageError: UNAVAILABLE,
}
_OTHER_KINDS = (INVALID, UNKNOWN_ROUTE, METHOD, INTERNAL)
ALL_KINDS: dict[str, ProblemKind] = {
    kind.code: kind for kind in sorted((*KINDS_BY_ERROR.values(), *_OTHER_KINDS), key=lambda kind: kind.code)
}
_RETRY_S = 5
BODY_HINT = 'send the JSON object {"addresses": ["0x..."]} with Content-Type: application/json'
"""Said where a whole body has the wrong shape; one route takes a body, and its fields are named by their own messages."""


def kind_of(error: errors.OracleError) -> ProblemKind:
    """Return the kind of an error: that of its class, or of the nearest base that has one."""
    return next((KINDS_BY_ERROR[base] for base in type(error).__mro__ if base in KINDS_BY_ERROR), INTERNAL)


def problem_response(
    request: Request,
    kind: ProblemKind,
    detail: str,
    *,
    fields: list[ProblemField] | None = None,
    retry_after_s: int | None = None,
) -> JSONResponse:
    """Return a problem document."""
    problem = Problem(
        type=kind.type_uri,
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=request.url.path,
        code=kind.code,
        request_id=request.scope.get("request_id", ""),
        errors=fields or [],
    )
    headers = {"Cache-Control": "no-store"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return JSONResponse(problem.model_dump(), kind.status, headers, media_type=PROBLEM_MEDIA_TYPE)


async def on_oracle_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an error of ours; paths and hosts of this machine are not shown."""
    if not isinstance(error, errors.OracleError):
        return await on_unexpected_error(request, error)
    kind = kind_of(error)
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is None and kind.status == 503:
        retry_after_s = _RETRY_S
    detail = str(error) if isinstance(error, errors.ApiError | errors.ChainError) else kind.meaning
    return problem_response(request, kind, detail, retry_after_s=retry_after_s)


async def on_validation_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what FastAPI refused: each wrong parameter by name."""
    details = error.errors() if isinstance(error, RequestValidationError) else []
    fields = [
        ProblemField(
            where=".".join(str(part) for part in item["loc"]),
            message=BODY_HINT if item["loc"] == ["body"] else str(item["msg"]),
        )
        for item in jsonable_encoder(details, exclude={"input", "ctx"})
    ]
    detail = "; ".join(f"{field.where}: {field.message}" for field in fields[:5]) or "malformed request"
    return problem_response(request, INVALID, detail, fields=fields)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what the router refused."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    kind = {404: UNKNOWN_ROUTE, 405: METHOD}.get(status, INVALID if status < 500 else INTERNAL)
    response = problem_response(request, kind, kind.meaning)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


async def on_unexpected_error(request: Request, _error: Exception) -> JSONResponse:
    """Answer a bug without telling what it was."""
    return problem_response(request, INTERNAL, INTERNAL.meaning)
