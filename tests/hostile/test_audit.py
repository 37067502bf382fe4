"""A valid key replaces the main log with 404s; the audit log keeps what happened before.

The main log is smaller than usual (128 kB instead of 60 MB), so that this takes a second instead of
half a minute.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2

from tests.auth.made import id_of, make_key
from tests.hostile.process import running_target


REQUESTS = 1000
REJECTIONS = 20
MAX_ENTRIES = 20


def entries(path: Path) -> list[dict[str, Any]]:
    rotated = path.with_name(f"{path.name}.1")
    files = [each for each in (rotated, path) if each.exists()]
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def test_one_key_cannot_erase_the_audit_log(tmp_path: Path) -> None:
    key = make_key(tmp_path / "keys.json", "sa:read", name="stolen")
    main, audit = tmp_path / "sa-contexts.log", tmp_path / "audit.log"
    with running_target(
        simulated_churn=0,
        api_keys_file=tmp_path / "keys.json",
        log_level="info",
        log_format="json",
        log_file=main,
        max_log_file_bytes=64 << 10,
        max_log_files=1,
    ) as target:
        authorization = {"Authorization": f"Bearer {key}"}
        with httpx2.Client(base_url=target.url, timeout=20, headers=authorization) as client:
            assert client.get("/engine").status_code == 200
            for _ in range(REJECTIONS):
                client.get("/engine", headers={"Authorization": f"Bearer {key[:-1]}!"})
            for number in range(REQUESTS):
                assert client.get(f"/nothing/{number}").status_code == 404
        target.stop()

        assert "listening" not in {entry["event"] for entry in entries(main)}
        found = entries(audit)
        assert len(found) <= MAX_ENTRIES
        assert [found[0]["event"], found[-1]["event"]] == ["listening", "stopped"]
        (accepted,) = [entry for entry in found if entry["event"] == "credentials_accepted"]
        assert (accepted["caller"], accepted["credential"]) == ("stolen", id_of(key))
        assert accepted["count"] >= REQUESTS
        rejected = [entry for entry in found if entry["event"] == "requests_rejected"]
        assert sum(entry["count"] for entry in rejected) == REJECTIONS
