"""The shapes of explained failures."""

from datetime import datetime

from pydantic import MISSING, Field

from app.answers.failures.catalogue import FailureFamily
from app.schemas.base import Shape, Uint32
from app.schemas.hexadecimal import Hex32


class FailureChecks(Shape):
    """What to check, by what the host uses IPsec for."""

    rules: str | None = Field(
        description="For connection security rules; null if they are not concerned."
    )
    vpn: str | None = Field(
        description="For VPNs: RRAS, Always On VPN, any client of IKEv2 or L2TP; null if there is "
        "nothing else to check than for rules."
    )
    direct_access: str | None = Field(
        description="For DirectAccess; null if there is nothing else to check than for rules."
    )


class FailureAdvice(Shape):
    """An explanation for one side."""

    explanation: str = Field(description="What happened.")
    checks: FailureChecks


class FailureSides(Shape):
    """The explanation by the side that failed (`failurePoint` of net events)."""

    me: FailureAdvice = Field(description="This host failed.")
    peer: FailureAdvice = Field(description="The peer failed.")
    unknown: FailureAdvice = Field(description="It is unknown which side failed.")


class FailureOccurrences(Shape):
    """How often the failure occurred here, among the net events that the server keeps."""

    total: int = Field(ge=0, description="The number of net events.")
    me: int = Field(ge=0, description="Those in which this host failed.")
    peer: int = Field(ge=0, description="Those in which the peer failed.")
    peers: int = Field(ge=0, description="The number of different peers, by address.")
    newest: datetime | None = Field(description="The time of the last one; null if there is none.")


class _ExplainedFailure(Shape):
    """What lists and items of failures share."""

    id: str = Field(
        description="The id of the failure: its number, for an event or an error of RAS with a "
        "prefix.",
        examples=["13868", "0x800b0109", "event-4653", "ras-809"],
    )
    family: FailureFamily
    code: Uint32
    code_hex: Hex32
    name: str | None = Field(
        description="The name in winerror.h, ntstatus.h or raserror.h; events have none.",
        examples=["ERROR_IPSEC_IKE_POLICY_MATCH"],
    )
    occurrences: FailureOccurrences | MISSING | None = Field(
        default=MISSING,
        description="How often it occurred here. Absent without the scope `diagnostics:read`, and "
        "for events and errors of RAS, which net events do not have; null if the server has no "
        "net events to count, because the engine cannot be read.",
    )


class FailureSummary(_ExplainedFailure):
    """An explained failure, in short."""

    explanation: str = Field(description="What it means, whichever side failed.")


class FailureExplanation(_ExplainedFailure):
    """An explained failure."""

    sides: FailureSides
    related: list[str] = Field(
        description="The ids of the same failure under other numbers: as a Win32 code, as the "
        "kernel's NTSTATUS, as an event, as an error of RAS."
    )
    sources: list[str] = Field(
        description="Public pages that the explanation is based on: documentation, standards and "
        "reports of others who met the failure."
    )


class FailureList(Shape):
    """All explained failures, without pages."""

    items: list[FailureSummary]
