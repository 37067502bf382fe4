"""The shapes of problems (RFC 9457)."""

from pydantic import MISSING, Field

from app.schemas.base import Shape
from app.schemas.hexadecimal import Hex32


class Problem(Shape):
    """A failure, as `application/problem+json`."""

    type: str = Field(
        description="Where the problem is explained; relative to the request's URL, so that it "
        "leads there below any prefix.",
        examples=["../problems/sa_context_not_found"],
    )
    title: str = Field(description="The kind of problem, for people; fixed for each `code`.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What went wrong this time.")
    instance: str = Field(
        description="The path of the request; relative to its URL, like `type`. Empty if the "
        "server could not read it, or if it is longer than 2,048 bytes.",
        examples=["../sa-contexts/1"],
    )
    code: str = Field(description="The kind of problem, for programs; stable.")


class EngineProblem(Problem):
    """The filter engine returned an error."""

    win_error: int = Field(description="The code that the engine returned.", examples=[1753])
    win_error_hex: Hex32
    win_error_name: str = Field(
        description="Its name in winerror.h.", examples=["EPT_S_NOT_REGISTERED"]
    )
    function: str = Field(
        description="The function that returned it.", examples=["FwpmEngineOpen0"]
    )


class ServerProblem(Problem):
    """The server could not answer. An error of the filter engine is included if there is one."""

    win_error: int | MISSING = Field(
        default=MISSING, description="The code that the engine returned.", examples=[1753]
    )
    win_error_hex: Hex32 | MISSING = MISSING
    win_error_name: str | MISSING = Field(
        default=MISSING, description="Its name in winerror.h.", examples=["EPT_S_NOT_REGISTERED"]
    )
    function: str | MISSING = Field(
        default=MISSING,
        description="The function that returned it.",
        examples=["FwpmEngineOpen0"],
    )


class InvalidParameter(Shape):
    """An invalid parameter and the reason."""

    parameter: str
    reason: str


class InvalidParametersProblem(Problem):
    """At least one parameter of the request is not valid."""

    errors: list[InvalidParameter]


class SnapshotExpiredProblem(Problem):
    """The snapshot of a cursor has expired."""

    restart_url: str = Field(description="Starts a new list; relative to the request's URL.")
    resume_url: str | MISSING = Field(
        default=MISSING,
        description="Continues after the last id in a new snapshot; relative to the request's URL. "
        "Changes made in between may be missed. Absent if the ids are no longer comparable.",
    )


class ProblemExplanation(Shape):
    """A kind of problem and how to resolve it."""

    code: str
    status: int
    title: str
    explanation: str
