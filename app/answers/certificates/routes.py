"""`/certificates`: the certificates that main mode SAs use, as a list and one by one."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response

from app.answers.certificates.parameters import CertificateQuery, ThumbprintParameter
from app.answers.certificates.part import CertificatesPart
from app.answers.certificates.schema import CertificateDetail, CertificatePage
from app.api import problems
from app.api.dependencies import ServiceDep, reject_query, reject_repeated, require_json
from app.api.media_types import JSON_UTF_8
from app.api.parameters import DEFAULT_MAX_AGE
from app.api.problems import ProblemError
from app.api.security import SaReader
from app.api.snapshots import snapshot_of
from app.api.streaming import PiecesResponse


TAG: Final = "Certificates"

NOT_FOUND: Final = problems.declare(
    "certificate_not_found",
    404,
    "There is no such certificate",
    "No main mode SA uses a certificate with this thumbprint. Certificates are listed only while "
    "main mode SAs use them; other certificates in the computer's store are not listed.",
)

router = APIRouter(prefix="/certificates", tags=[TAG])


@router.get(
    "",
    dependencies=[Depends(require_json), Depends(reject_repeated(CertificateQuery))],
    response_class=Response,
    responses={
        200: {
            "model": CertificatePage,
            "headers": {
                "Link": {
                    "description": 'The next page, as `<…>; rel="next"`; absent on the last.',
                    "schema": {"type": "string"},
                }
            },
        },
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            *problems.ENGINE_PROBLEMS,
        ),
    },
)
async def list_certificates(
    _caller: SaReader, query: Annotated[CertificateQuery, Query()], service: ServiceDep
) -> Response:
    """List the certificates with which this host and its peers authenticated in main mode.

    This host's certificates are looked up in the computer's certificate store. To get the next
    page, follow `nextCursor` or the `Link` header; if both are absent, the list is complete. Pages
    do not share a snapshot: each shows the certificates at the time of its request, and names its
    `snapshot`.
    """
    max_age = DEFAULT_MAX_AGE if query.cursor is not None else query.effective_max_age
    inventory = await service.part(CertificatesPart).inventory(max_age)
    found = inventory.select(query.selection, query.after)
    hashes = [*islice(found, query.limit)]
    about: dict[str, Any] = {"items": [inventory.shown(hash_) for hash_ in hashes]}
    cursor = hashes[-1].hex() if hashes and next(found, None) is not None else None
    if cursor is not None:
        about["nextCursor"] = cursor
    about |= {
        "missed": not inventory.uses.is_complete,
        "store": inventory.contents.state,
        **inventory.snapshot.annotations,
        "snapshot": snapshot_of(inventory.snapshot, service),
    }
    response = _response(about)
    if cursor is not None:
        response.headers["Link"] = f'<{query.link(cursor)}>; rel="next"'
    return response


@router.get(
    "/{thumbprint}",
    dependencies=[Depends(require_json), Depends(reject_query)],
    response_class=Response,
    responses={
        200: {"model": CertificateDetail},
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            NOT_FOUND,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            *problems.ENGINE_PROBLEMS,
        ),
    },
)
async def get_certificate(
    _caller: SaReader,
    thumbprint: Annotated[
        ThumbprintParameter, Path(description="The thumbprint, in upper or lower case.")
    ],
    service: ServiceDep,
) -> Response:
    """Get one certificate that main mode SAs use, with the addresses of their peers."""
    inventory = await service.part(CertificatesPart).inventory(DEFAULT_MAX_AGE)
    hash_ = bytes.fromhex(thumbprint)
    if hash_ not in inventory.uses.by_hash:
        raise ProblemError(NOT_FOUND, f"No main mode SA uses the certificate {hash_.hex()}.")
    shown = inventory.shown_in_detail(hash_)
    return _response({**shown, "snapshot": snapshot_of(inventory.snapshot, service)})


def _response(shown: dict[str, Any]) -> PiecesResponse:
    body = orjson.dumps(shown, option=orjson.OPT_UTC_Z)
    response = PiecesResponse([body], JSON_UTF_8, len(body))
    response.headers["Cache-Control"] = "no-store"
    return response
