"""The benchmarks measure what a user runs, and say which of their bars are missed."""

from __future__ import annotations

import re
from pathlib import Path

from app.settings.model import Settings
from benchmarks import servers
from benchmarks.figures import Bar, Figure, Section, table, verdict


PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
NAMED_BY_THE_PAGE = {
    "engine_timeout_seconds",
    "refresh_interval_seconds",  # "reads the engine only on request"
    "refresh_retry_seconds",
    "snapshot_idle_timeout_seconds",  # "leases snapshots for a day"
    "max_snapshot_seconds",
}


def test_the_server_under_measure_has_the_settings_of_a_user() -> None:
    given = Settings.model_validate(
        {name.lower(): value for name, value in servers.UNDISTURBED.items()}
    )
    usual = Settings.model_validate({})

    assert {
        name for name in Settings.model_fields if getattr(given, name) != getattr(usual, name)
    } == NAMED_BY_THE_PAGE


def test_missed_bars_are_named() -> None:
    sections = [
        Section("Cold", "", (Figure("time", "ms", (5.0, 7.0, 6.0), Bar.AT_MOST, 6),)),
        Section(
            "Warm",
            "",
            (
                Figure("rate", "times", (0.5,), Bar.AT_LEAST, 0.8),
                Figure("goal", "times", (0.5,), Bar.GOAL, 0.1),
                Figure("size", "kB", (1.0,)),
            ),
        ),
    ]

    assert verdict(sections).splitlines() == [
        "Missed in this run: 1 of 2 bars.",
        "  Warm: rate: 0.500 times (at least 0.8)",
    ]
    assert len(re.findall("PASS|FAIL", table(sections, is_judged=True))) == 2


def test_the_page_names_what_its_run_missed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    figures = page[page.index("<!-- figures -->") : page.index("<!-- end of figures -->")]
    before, heading, after = figures.rpartition("Missed in this run: ")

    judged = re.findall(r"^  (.+?)  +.* (PASS|FAIL) \(", before, re.MULTILINE)
    named = re.findall(r"^  .+: (.+?): [\d.]+ .*\((?:at least|at most) ", after, re.MULTILINE)
    assert heading
    assert after.startswith(f"{len(named)} of {len(judged)} bars.")
    assert [name.rpartition(": ")[2] for name, outcome in judged if outcome == "FAIL"] == [
        name.rpartition(": ")[2] for name in named
    ]
