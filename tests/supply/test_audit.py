"""Known vulnerabilities are reported, and so are packages that the index does not cover."""

from __future__ import annotations

import pytest

from supply import audit, npm
from supply.audit import Vulnerability, report, vulnerabilities
from supply.locks import Pin


PIN = Pin("django", "3.0.2")


def answer(version: str, **changes: object) -> dict[str, object]:
    """As in docs.pypi.org/api/json."""
    found = {
        "aliases": ["CVE-2021-3281"],
        "details": "Archives may be unpacked\noutside of their folder.",
        "summary": None,
        "fixed_in": ["2.2.18", "3.0.12"],
        "id": "PYSEC-2021-9",
        "link": "https://osv.dev/vulnerability/PYSEC-2021-9",
        "source": "osv",
        "withdrawn": None,
    }
    return {"info": {"name": "Django", "version": version}, "vulnerabilities": [found | changes]}


KNOWN = Vulnerability(
    "django 3.0.2",
    ("PYSEC-2021-9", "CVE-2021-3281"),
    "Archives may be unpacked outside of their folder.",
    ("2.2.18", "3.0.12"),
)


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        ({"django": answer("3.0.2")}, [KNOWN]),
        ({"django": answer("5.2"), "django/3.0.2": answer("3.0.2")}, [KNOWN]),
        ({"django": answer("3.0.2", withdrawn="2022-01-01T00:00:00Z")}, []),
        ({"django": {"info": {"version": "3.0.2"}, "vulnerabilities": []}}, []),
        ({"django": answer("5.2")}, None),  # vulnerabilities of another version prove nothing
        ({"django": {"info": {"version": "3.0.2"}}}, None),  # a mirror that omits it
        ({}, None),
    ],
)
def test_what_is_known_of_a_version(
    pages: dict[str, dict[str, object]], found: list[Vulnerability] | None
) -> None:
    assert vulnerabilities(PIN, pages.get) == found


def test_each_version_is_asked_for_once() -> None:
    asked: list[str] = []

    def ask(what: str) -> None:
        asked.append(what)

    known, unknown = audit.audit([PIN, Pin("django", "3.0.2"), Pin("django", "3.0.3")], ask)

    assert known == []
    assert unknown == ["django 3.0.2", "django 3.0.3"]
    assert sorted(asked) == ["django", "django", "django/3.0.2", "django/3.0.3"]


def test_the_report(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert report([], [], is_required=True)
    assert capsys.readouterr().out == ""

    assert not report([KNOWN], [], is_required=False)
    printed = capsys.readouterr().out
    assert printed.startswith("VULNERABLE: django 3.0.2: PYSEC-2021-9, CVE-2021-3281: Archives may")
    assert "fixed in 2.2.18, 3.0.12" in printed

    monkeypatch.setitem(audit.ACCEPTED, "CVE-2021-3281", "no archive is unpacked here")
    assert report([KNOWN], [], is_required=True)
    printed = capsys.readouterr().out
    assert printed.startswith("accepted: ")
    assert "no archive is unpacked here" in printed

    assert report([], ["django 3.0.2"], is_required=False)
    assert not report([], ["django 3.0.2"], is_required=True)
    assert capsys.readouterr().out.count("NOT AUDITED") == 2


def test_the_report_of_npm(capsys: pytest.CaptureFixture[str]) -> None:
    def found(severity: str) -> dict[str, object]:
        return {"vulnerabilities": {"minimist": {"severity": severity, "range": "<0.2.1"}}}

    assert npm.judge({"vulnerabilities": {}}, is_required=True)
    assert npm.judge(found("moderate"), is_required=True)
    assert not npm.judge(found("high"), is_required=False)
    assert "VULNERABLE: minimist <0.2.1 (high)" in capsys.readouterr().out
    assert not npm.judge(found("low"), is_required=False, failing=npm.ALL)
    assert "VULNERABLE: minimist <0.2.1 (low)" in capsys.readouterr().out
    rejected = {"message": "405 Method Not Allowed", "error": {"summary": "", "detail": ""}}
    assert npm.judge(rejected, is_required=False)
    assert "NOT AUDITED" in capsys.readouterr().out
    assert not npm.judge(rejected, is_required=True)
