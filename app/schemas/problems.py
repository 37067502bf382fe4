"""Problems as clients see them (RFC 9457)."""

from pydantic import MISSING, Field

from app.schemas.base import Shape


class Problem(Shape):
    """What went wrong, as `application/problem+json`."""

    type: str = Field(
        description="Where the problem is explained.", examples=["/problems/sa_context_not_found"]
    )
    title: str = Field(description="What kind of problem it is; the same for all of a `code`.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What went wrong this time.")
    instance: str = Field(description="The path of the request.")
    code: str = Field(description="The kind of problem, for programs; it stays.")


class EngineProblem(Problem):
    """The filter engine refused."""

    win_error: int = Field(description="The code that the engine returned.", examples=[1753])
    win_error_name: str = Field(
        description="Its name in winerror.h.", examples=["EPT_S_NOT_REGISTERED"]
    )
    function: str = Field(
        description="The function that returned it.", examples=["FwpmEngineOpen0"]
    )


class ServerProblem(Problem):
    """The server could not answer. Where the filter engine refused, in the engine's own words."""

    win_error: int | MISSING = Field(
        default=MISSING, description="The code that the engine returned.", examples=[1753]
    )
    win_error_name: str | MISSING = Field(
        default=MISSING, description="Its name in winerror.h.", examples=["EPT_S_NOT_REGISTERED"]
    )
    function: str | MISSING = Field(
        default=MISSING,
        description="The function that returned it.",
        examples=["FwpmEngineOpen0"],
    )


class InvalidParameter(Shape):
    """What is wrong with one parameter."""

    parameter: str
    reason: str


class InvalidParametersProblem(Problem):
    """The request's parameters are not valid."""

    errors: list[InvalidParameter]


class SnapshotGoneProblem(Problem):
    """The list that a cursor walks through is no longer held."""

    restart_url: str = Field(description="Begins the list anew; relative to the request's URL.")
    resume_url: str | MISSING = Field(
        default=MISSING,
        description="Goes on after the same id in a new snapshot, relative to the request's URL. "
        "What changed in between may be missed. Absent where ids no longer mean the same.",
    )


class ProblemExplanation(Shape):
    """What a problem means, and what to do about it."""

    code: str
    status: int
    title: str
    explanation: str
