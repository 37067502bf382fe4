"""`python -m tests.tls SSLYZE`: a public scanner checks a server set up as in docs/tls.md.

The certificates are made by the commands of that document, once with keys of ECDSA and once of RSA,
and the document's requests are made. What the scanner finds must be what is expected here, no more
and no less.

SSLYZE is a Python that has it: it needs another version of `cryptography` than the server.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final


ROOT: Final = Path(__file__).parents[2]
SECONDS: Final = 120

EC: Final = "-newkey ec -pkeyopt ec_paramgen_curve:P-256"
KEYS: Final = {"ECDSA": EC, "RSA": "-newkey rsa:3072"}

CURVES: Final = {"tls_curves": {"X448", "secp521r1"}}
"""OpenSSL offers them beside X25519, P-256 and P-384, and Python can name only one or all
(python/cpython issue 136306). They are stronger than those that Mozilla lists (NIST SP 800-186,
table 1: 224 and 256 bits of strength)."""
EXPECTED: Final[dict[str, dict[str, dict[str, set[str]]]]] = {
    "intermediate": {"ECDSA": CURVES, "RSA": CURVES},
    # It is for clients that all speak TLS 1.3; Windows before 11 and Server 2022 does not.
    "modern": {
        "ECDSA": {
            **CURVES,
            "tls_versions": {"TLSv1.2"},
            "ciphers": {
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            },
        }
    },
}
"""What differs from Mozilla's recommendations 5.7, by level and by the server's key."""


def main() -> None:
    """See above."""
    (sslyze,) = sys.argv[1:]
    for kind, key in KEYS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_certificates(folder, key)
            with served(folder) as port:
                for level, expected in EXPECTED.items():
                    if kind in expected:
                        found = scan(sslyze, folder, port, level)
                        assert found == expected[kind], (kind, level, found)
                        print(f"{kind}, {level}: {', '.join(found)}", flush=True)  # noqa: T201
            with served(folder, "--tls-client-ca-file", "ca.pem") as port:
                ask(folder, port)
                print(f"{kind}: docs/tls.md's requests", flush=True)  # noqa: T201  # a report


def commands(program: str) -> list[str]:
    """The commands of the document that begin with a program's name."""
    text = (ROOT / "docs" / "tls.md").read_text(encoding="utf-8").replace("\\\n", "")
    found = re.findall(rf"^    ({program} .*)$", text, re.MULTILINE)
    assert found, program
    return found


def make_certificates(folder: Path, key: str) -> None:
    """Make them as the document says, with keys of another kind."""
    for command in [*commands("openssl req"), *commands("install"), *commands("cat")]:
        sh(folder, command.replace(EC, key))
    for file in folder.iterdir():
        is_secret = "PRIVATE KEY" in file.read_text(encoding="ascii")
        assert not is_secret or not file.stat().st_mode & 0o077, f"others may read {file.name}"


def ask(folder: Path, port: int) -> None:
    """Make the document's requests; without a certificate they must fail."""
    (command,) = (line.replace(":8080", f":{port}") for line in commands("curl"))
    assert '"status":"live"' in sh(folder, command).stdout
    bare = sh(folder, command.replace("--cert client.pem", ""), check=False)
    assert bare.returncode != 0
    assert "certificate required" in bare.stderr, bare.stderr


def sh(folder: Path, command: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command there."""
    return subprocess.run(
        ["bash", "-c", command],  # noqa: S607  # a command of the document
        cwd=folder,
        check=check,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


@contextmanager
def served(folder: Path, *options: str) -> Iterator[int]:
    """Serve with these certificates, as a person would; gives the port."""
    settings = {n: v for n, v in os.environ.items() if not n.startswith("SA_CONTEXTS_")}
    command = [
        *(sys.executable, "-m", "app", "serve", "--port", "0"),
        *("--tls-certificate-file", "server.pem", "--tls-key-file", "server.key", *options),
    ]
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**settings, "SA_CONTEXTS_LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            entries: list[dict[str, Any]] = []
            while not entries or entries[-1]["event"] != "listening":
                entries.append(json.loads(process.stderr.readline()))
            url = entries[-1]["url"]
            yield int(url.rpartition(":")[2])
            process.send_signal(signal.SIGINT)
            rest = [json.loads(line) for line in process.stderr]
            assert process.wait(SECONDS) == 0
            unexpected = [entry for entry in rest if entry["level"] not in ("info", "debug")]
            assert unexpected == [], unexpected  # what clients do is not logged
        finally:
            process.kill()


def scan(sslyze: str, folder: Path, port: int, level: str) -> dict[str, set[str]]:
    """What the scanner finds that the level does not have: by point, the words it names."""
    result = folder / "result.json"
    run = subprocess.run(
        [
            *(sslyze, "-m", "sslyze", f"--mozilla_config={level}", "--certinfo_ca_file=ca.pem"),
            *("--early_data", "--resum", f"--json_out={result.name}", f"localhost:{port}"),
        ],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert_nothing_weak(json.loads(result.read_text(encoding="utf-8")))
    _, _, compliance = run.stdout.partition("COMPLIANCE AGAINST TLS CONFIGURATION")
    assert "Not compliant." in compliance, run.stdout + run.stderr
    points = re.findall(r"^ +\* (\w+): (.*)$", compliance, re.MULTILINE)
    return {point: set(re.findall(r"'([\w.]+)'", words)) or {words} for point, words in points}


def assert_nothing_weak(result: Any) -> None:
    """What the recommendations do not speak of."""
    (server,) = result["server_scan_results"]
    found = server["scan_result"]
    for name, attempt in found.items():
        if attempt is not None and attempt["status"] != "NOT_SCHEDULED":
            assert attempt["status"] == "COMPLETED", (name, attempt)
    renegotiation = found["session_renegotiation"]["result"]
    assert renegotiation["is_vulnerable_to_client_renegotiation_dos"] is False
    assert found["tls_1_3_early_data"]["result"]["supports_early_data"] is False
    assert found["session_resumption"]["result"]["tls_ticket_resumption_result"] == "NOT_SUPPORTED"
    for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        assert found[f"{version}_cipher_suites"]["result"]["accepted_cipher_suites"] == []


if __name__ == "__main__":
    main()
