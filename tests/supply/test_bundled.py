"""The licences of the console's libraries are read, and shipped with it."""

from __future__ import annotations

import re
from dataclasses import replace

from app.console.routes import STATIC
from supply.bundled import packages
from supply.licences import bundle_rejections


TITLE = re.compile(
    r"^-{100}\n(\S+) (\S+) \(([^\n]+)\)\n-{100}\n\n(.+?)(?=\n-{100}\n|\Z)", re.MULTILINE | re.DOTALL
)


def test_every_library_of_the_bundle_is_locked_and_its_licence_shipped() -> None:
    locked = {each.name: (each.version, each.licence) for each in packages()}
    shipped = TITLE.findall((STATIC / "licences.txt").read_text(encoding="utf-8"))

    assert {"preact", "@preact/signals"} <= {name for name, *_ in shipped}
    for name, version, licence, text in shipped:
        assert locked[name] == (version, licence)
        assert "Copyright" in text
        assert "WITHOUT WARRANTY OF ANY KIND" in text


def test_the_licences_are_those_that_somebody_read() -> None:
    bundled = packages()

    assert bundle_rejections(bundled) == []
    foreign = replace(bundled[0], licence="AGPL-3.0-only")
    assert len(bundle_rejections([foreign, *bundled])) == 1
