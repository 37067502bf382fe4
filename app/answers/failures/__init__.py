"""Failures: what a code means for each side, what to check, and how often it occurred here."""

from __future__ import annotations

from typing import Final

from app.answers.failures.routes import TAG, router
from app.api.resource import Answer


ANSWER: Final = Answer(
    tag=TAG,
    description="What failure codes mean, whichever form they have, and what to check.",
    router=router,
)
