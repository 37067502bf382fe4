"""The page of Windows' names covers every field, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from app.resources.ike_sas.schema import IkeSa
from app.resources.sa_contexts.schema import SaContext
from app.schemas import names
from bindings.well_known import KEYING_MODULES


PAGE: Final = Path(__file__).parents[2] / "docs" / "windows-words.md"
QUICK_MODE: Final = "Get-NetIPsecQuickModeSA"
MAIN_MODE: Final = "Get-NetIPsecMainModeSA"
NOTHING: Final = "\N{EN DASH}"
SHAPES, VALUES = PAGE.read_text(encoding="utf-8").split("\n## Values\n")

# MSFT_NetQuickModeSA and MSFT_NetMainModeSA, as documented: what is shown, and what is called
# ignored.
SHOWN: Final = {
    *("LocalEndpoint", "RemoteEndpoint", "LocalPort", "RemotePort", "TrafficLuid", "IpProtocol"),
    *("InterfaceAlias", "RealIfProfileId", "LocalUdpEncapsulationPort"),
    *("RemoteUdpEncapsulationPort", "Flags", "TransportLayerFilterName", "MmSaId"),
    *("FirstTransformType", "FirstIntegrityAlgorithm", "FirstCipherAlgorithm"),
    *("SecondTransformType", "SecondIntegrityAlgorithm", "SecondCipherAlgorithm", "SecondSPI"),
    *("PeerV4PrivateAddress", "PfsGroupId", "QuickModeFilterId", "LifetimePackets"),
    *("NdAllowClearTimeoutSeconds", "NapContext", "QmSaId", "VirtualIfTunnelId"),
    *("TrafficSelectorId", "MmTargetName", "EmTargetName", "ExplicitCredentials"),
    *("InstanceID", "Caption"),
}
SHOWN_OF_MAIN_MODE: Final = {
    *("KeyModule", "LocalEndpoint", "RemoteEndpoint", "MaxQMSAs", "LocalFirstId"),
    *("LocalSecondId", "RemoteFirstId", "RemoteSecondId", "OtherGroupId", "ExtendedFilterId"),
    *("LocalUdpEncapsulationPort", "RemoteUdpEncapsulationPort", "IkePolicyKey"),
    *("VirtualIfTunnelId", "CipherAlgorithm", "GroupId", "HashAlgorithm"),
    *("InstanceID", "Caption"),
}
IGNORED_OF_MAIN_MODE: Final = {
    *("AuthenticationMethod", "InitiatorCookie", "ResponderCookie", "LifetimeSeconds"),
}
IGNORED: Final = {
    *("DFHandling", "EncapsulationMode", "InboundDirection", "PFSInUse", "SPI"),
    *("IdleDurationSeconds", "LifetimeKilobytes", "LifetimeSeconds", "PacketLoggingActive"),
    *("RefreshThresholdSecondsPercentage", "RefreshThresholdKbytesPercentage"),
}


def shapes(annotation: Any) -> Iterator[type[BaseModel]]:
    """The shapes in an annotation, however deep in unions, lists and aliases."""
    if isinstance(annotation, TypeAliasType):
        yield from shapes(annotation.__value__)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from shapes(argument)


def fields_of(shape: type[BaseModel]) -> set[tuple[str, str]]:
    """Every shape below one, with its fields as clients see them."""
    found = set()
    for name, field in shape.model_fields.items():
        found.add((shape.__name__, field.serialization_alias or field.alias or name))
        for below in shapes(field.annotation):
            found |= fields_of(below)
    return found


def sections(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    """The sections of a text: what each is called, and the rows of its table."""
    for start in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        section, *_ = re.split(r"^## ", start, flags=re.MULTILINE)
        title = re.match(r"`(\w+)`\n", section)
        assert title, section
        lines = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)
        yield title[1], [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]


def named(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_field_is_on_the_page_and_no_other() -> None:
    listed = [
        (shape, field)
        for shape, (_, _, *rows) in sections(SHAPES)
        for cell, *_ in rows
        for field in named(cell)
    ]

    assert len(listed) == len(set(listed))
    assert set(listed) == fields_of(SaContext) | fields_of(IkeSa)


def test_all_tables_have_a_cell_for_each_place_in_windows() -> None:
    for title, (head, _, *rows) in sections(SHAPES):
        assert head[0] == "field", title
        assert head[1] in {QUICK_MODE, MAIN_MODE}, title
        assert head[2] in {"netsh", "netsh wfp"}
        for row in rows:
            assert len(row) == 3
            assert all(row), row


def properties(cmdlet: str) -> list[tuple[str, bool]]:
    """The properties that the page names, each with whether it is marked as ignored."""
    return [
        (name, bool(mark))
        for _, (head, _, *rows) in sections(SHAPES)
        if head[1] == cmdlet
        for _, cell, _ in rows
        if not cell.startswith(NOTHING)
        for name, mark in re.findall(r"`(\w+)`( †)?", cell)
    ]


@pytest.mark.parametrize(
    ("cmdlet", "shown", "ignored"),
    [
        (QUICK_MODE, SHOWN, IGNORED),
        (MAIN_MODE, SHOWN_OF_MAIN_MODE, IGNORED_OF_MAIN_MODE),
    ],
)
def test_the_properties_are_those_of_the_class(
    cmdlet: str, shown: set[str], ignored: set[str]
) -> None:
    assert {name for name, is_ignored in properties(cmdlet) if not is_ignored} <= shown
    assert {name for name, is_ignored in properties(cmdlet) if is_ignored} <= ignored


def test_what_the_class_shows_and_the_api_does_not_is_reported() -> None:
    rest = VALUES.split("\n## What Windows shows and the API does not\n")[1]

    assert SHOWN - {name for name, _ in properties(QUICK_MODE)} == set(named(rest)) & SHOWN
    hidden = SHOWN_OF_MAIN_MODE - {name for name, _ in properties(MAIN_MODE)}
    assert hidden == set(named(rest)) & SHOWN_OF_MAIN_MODE


@pytest.mark.parametrize(
    "enumeration", [names.TransformType, names.AuthConfig, names.CipherConfig, names.PfsGroup]
)
def test_every_value_is_on_the_page(enumeration: type[StrEnum]) -> None:
    (_, _, *rows) = dict(sections(VALUES))[enumeration.__name__]

    listed = [value for cell, *_ in rows for value in named(cell)]
    assert sorted(listed) == sorted({member.value for member in enumeration} - {"unknown"})


def test_every_keying_module_is_on_the_page() -> None:
    (_, _, *rows) = dict(sections(VALUES))["keyModule"]

    assert {value for cell, *_ in rows for value in named(cell)} == set(KEYING_MODULES.values())


def test_the_page_has_no_other_tables_of_values() -> None:
    assert {title for title, _ in sections(VALUES)} == {
        *("TransformType", "AuthConfig", "CipherConfig", "PfsGroup", "keyModule")
    }
