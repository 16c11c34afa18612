"""How an answer is sent: JSON with an entity tag, cacheable until the next epoch can change it.

The tag is a hash of the body, so a node that learns more about an epoch (an attestation, a landing) gets a new one.
"""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from oracle.api.deps import ApiDeps
from oracle.domain.ids import keccak256


def answer(request: Request, deps: ApiDeps, body: BaseModel, *, status: int = 200) -> Response:
    """Return what stays true until the next epoch, or 304 if the client has it."""
    content = body.model_dump_json().encode()
    tag = f'"{keccak256(content)[:16].hex()}"'
    # Short enough to notice a landing, never past the boundary.
    max_age_s = min(15, deps.seconds_to_boundary())
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={max_age_s}"}
    if tag in [given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(content, status, headers, media_type="application/json")


def fresh_answer(body: BaseModel, *, status: int = 200) -> Response:
    """Return what is true only now."""
    return Response(body.model_dump_json(), status, {"Cache-Control": "no-store"}, media_type="application/json")
