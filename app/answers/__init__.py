"""The answers that the API gives, one package each: what people ask, found in the resources.

`ANSWERS` is the only registration. It determines the routes, the service parts, the metrics, the
problems and the OpenAPI document. Answers may import resources; resources know no answer.
"""

from __future__ import annotations

from typing import Final

from app.answers import certificates, ended, failures, history, peers, tunnels
from app.api.resource import Answer


ANSWERS: Final[tuple[Answer, ...]] = (
    peers.ANSWER,
    tunnels.ANSWER,
    failures.ANSWER,
    ended.ANSWER,
    history.ANSWER,
    certificates.ANSWER,
)
