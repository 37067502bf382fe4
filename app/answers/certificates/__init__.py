"""Certificates that this host and its peers use in main mode, and when they expire."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, cast

from app.answers.certificates.metrics import add_metrics
from app.answers.certificates.part import CertificatesPart
from app.answers.certificates.routes import TAG, router
from app.answers.certificates.store import CertificateStore
from app.api.resource import Answer
from app.resources.ike_sas.kind import IkeSaKind
from app.service import Foundation, Part, ResourceRuntime


def _start(foundation: Foundation, parts: Mapping[Hashable, Part]) -> CertificatesPart:
    return CertificatesPart(
        cast(ResourceRuntime, parts[IkeSaKind]).store,
        CertificateStore(foundation.library),
        foundation.capacity.filtering,
    )


ANSWER: Final = Answer(
    tag=TAG,
    description="The certificates with which this host and its peers authenticate.",
    router=router,
    start=_start,
    add_metrics=add_metrics,
)
