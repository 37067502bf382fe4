"""Requests that nobody thought of, generated from the published document by schemathesis."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from app.auth.scopes import Scope
from tests.auth.made import make_key
from tests.hostile.process import ROOT, Target, running_target


CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SECONDS = 80
"""For all operations, each of which is to meet every possible failure."""
ENOUGH = 25
"""Responses of one status and operation."""
STORM = 1
MORE_RUNS = 3
"""For responses that a busy machine, or chance, has not brought yet."""
STREAM_SECONDS = 0.05
"""A request for a stream waits for its end."""


@contextmanager
def guarded_target(folder: Path, **settings: object) -> Iterator[Target]:
    """Run a target that requires keys but does not limit failures; its headers grant all access."""
    keys = folder / "keys.json"
    key = make_key(keys, *Scope)
    with running_target(
        api_keys_file=keys,
        rate_limit_rejections=1_000_000,
        simulated_churn=20,
        max_stream_seconds=STREAM_SECONDS,
        **settings,
    ) as target:
        target.headers = {"Authorization": f"Bearer {key}"}
        yield target


def fuzz(target: Target, seconds: int, *options: str, answers: Path) -> Counter[str]:
    """Run schemathesis; it must find nothing. Return how often each status was answered."""
    ((name, value),) = target.headers.items()
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
            *("run", f"{target.url}/openapi.json", "--url", target.url, "--no-color"),
            *("--max-time", str(seconds)),
            *("--header", f"{name}: {value}", *options),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "ANSWERS": str(answers)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(run.stdout, run.stderr)  # noqa: T201  # what was found, and how to see it again
    assert run.returncode == 0
    return Counter(json.loads(answers.read_text(encoding="ascii")))


def fuzz_until(
    target: Target, required: Mapping[str, int], *options: str, answers: Path
) -> Counter[str]:
    """Run schemathesis until each required response has occurred so often, at most a few times."""
    found = fuzz(target, SECONDS, *options, answers=answers)
    for _ in range(MORE_RUNS):
        lists = {
            re.split("[/ ]", each)[2] for each, count in required.items() if found[each] < count
        }
        if not lists:
            break
        # With the list, because an item's id comes from there.
        only = rf"^/({'|'.join(sorted(lists))})\b"
        found += fuzz(target, SECONDS, *options, "--include-path-regex", only, answers=answers)
    assert {each: count for each, count in required.items() if found[each] < count} == {}
    return found


def operations(url: str) -> set[str]:
    """Return all documented statuses."""
    paths = httpx2.get(f"{url}/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def test_every_check_passes_on_an_engine_that_is_well(tmp_path: Path) -> None:
    with guarded_target(tmp_path) as target:
        required = dict.fromkeys((f"{operation} 200" for operation in operations(target.url)), 1)
        required |= {"GET /sa-contexts 422": ENOUGH, "GET /sa-contexts/events 422": 1}
        fuzz_until(target, required, answers=tmp_path / "answers")

        assert target.engine()["ready"] is True


def test_every_check_passes_on_exports(tmp_path: Path) -> None:
    options = (
        *("--include-operation-id", "list_sa_contexts", "--phases", "examples,coverage,fuzzing"),
        *("--header", "Accept: application/x-ndjson"),
    )
    with guarded_target(tmp_path) as target:
        answers = fuzz(target, 15, *options, answers=tmp_path / "answers")

    assert answers["GET /sa-contexts 200"] > ENOUGH


def test_failures_of_the_engine_are_reported_as_documented(tmp_path: Path) -> None:
    """All checks but that for server errors, which must occur here, as documented."""
    with guarded_target(tmp_path, engine_timeout_seconds=2) as target:
        target.storm(STORM)
        required = {
            f"GET {path} {status}": 1
            for path in ("/sa-contexts", "/sa-contexts/summary", "/sa-contexts/{saContextId}")
            for status in (200, 500, 503)
        }
        required["GET /sa-contexts/events 200"] = 1
        options = ("--exclude-checks", "not_a_server_error")
        fuzz_until(target, required, *options, answers=tmp_path / "answers")
        target.calm()

        url = f"{target.url}/sa-contexts?maxAge=0&limit=1000"
        page = httpx2.get(url, headers=target.headers, timeout=60)
        assert len(page.json()["items"]) > 100
        assert target.engine()["ready"] is True
