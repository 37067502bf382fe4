"""The specification of the service."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import app
from app.windows_service.spec import command_line, folder_sddl, logs_sddl, service_sid


SID = "S-1-5-80-1"
FULL = "FA"
WRITE_DATA, APPEND_DATA, DELETE = 0x2, 0x4, 0x10000
WRITE_DAC, WRITE_OWNER = 0x40000, 0x80000
"""winnt.h"""


def test_the_sid_of_a_service_is_the_one_windows_has() -> None:
    # learn.microsoft.com, "Security identifiers"
    assert service_sid("TrustedInstaller") == (
        "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
    )
    assert service_sid("trustedinstaller") == service_sid("TrustedInstaller")


def _entries(sddl: str) -> dict[str, str]:
    """The rights of each in an access list that inherits nothing, and is inherited by all below."""
    assert re.fullmatch(r"D:P(\(A;OICI;\w+;;;[\w-]+\))+", sddl)
    return {who: rights for rights, who in re.findall(r"\(A;OICI;(\w+);;;([\w-]+)\)", sddl)}


def test_the_service_only_reads_in_its_folder() -> None:
    assert _entries(folder_sddl(SID)) == {"SY": FULL, "BA": FULL, SID: "FRFX"}


def test_the_service_writes_logs_and_cannot_open_them_to_others() -> None:
    entries = _entries(logs_sddl(SID))

    rights = int(entries.pop(SID), 16)
    assert entries == {"SY": FULL, "BA": FULL}
    for right in (WRITE_DATA, APPEND_DATA, DELETE):
        assert rights & right
    for right in (WRITE_DAC, WRITE_OWNER):
        assert not rights & right


@pytest.mark.parametrize("frozen", [False, True])
def test_the_command_line_withstands_spaces(monkeypatch: pytest.MonkeyPatch, frozen: bool) -> None:
    # Otherwise, C:\Program.exe could run instead (CreateServiceW).
    monkeypatch.setattr(sys, "executable", r"C:\Program Files\x\sa-contexts.exe")
    monkeypatch.setattr(sys, "_base_executable", r"C:\Program Files\Python\python.exe")
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)

    line = command_line(Path("/Program Data/sa-contexts"))

    arguments = re.findall(r'"([^"]*)"|(\S+)', line)
    words = [quoted or bare for quoted, bare in arguments]
    assert words[-2:] == ["service", "run"]
    assert words[-4:-2] == ["--settings", "/Program Data/sa-contexts/settings.toml"]
    if frozen:
        assert words[:-4] == [r"C:\Program Files\x\sa-contexts.exe"]
    else:
        assert words[:2] == [r"C:\Program Files\Python\python.exe", "-I"]
        assert Path(words[2]).parts[-2:] == ("app", "__main__.py")
        assert Path(words[2]).is_file()


def test_an_isolated_interpreter_finds_the_program(tmp_path: Path) -> None:
    main = Path(app.__file__).with_name("__main__.py")

    done = subprocess.run(
        [sys.executable, "-I", str(main), "--version"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    assert done.stdout.startswith(b"sa-contexts ")
