"""Changes to the file of keys: atomic, one at a time, and in the file that a server reads."""

from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from app.auth import key_changes
from app.auth.api_keys import ApiKeyStore
from app.auth.key_changes import KeysBusy, change_keys
from app.auth.key_file import KeyFile, KeysUnreadable, read_keys
from app.cli.main import app
from app.files.replacement import replace_file
from tests.auth.made import id_of, make_key, run_keys


SECONDS = 60.0
ACL = "system.posix_acl_access"
DEFAULT_ACL = "system.posix_acl_default"
SERVICE = 12345

posix = pytest.mark.skipif(os.name != "posix", reason="Windows keeps and grants rights otherwise")
root_on_linux = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root gives files to others"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def revoke(key: str, path: Path) -> Result:
    return CliRunner().invoke(app, ["keys", "revoke", id_of(key), "--file", str(path)])


def is_revoked(key: str, path: Path) -> bool:
    return next(each.revoked is not None for each in read_keys(path).keys if each.id == id_of(key))


def left_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()} - {"keys.json.lock"}


def acl(*entries: tuple[int, int, int]) -> bytes:
    """A POSIX ACL as its attribute has it: version 2, then tag, rights and id of each entry
    (linux/posix_acl_xattr.h)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)


def readable_by(user: int) -> bytes:
    nobody = 0xFFFFFFFF
    return acl((1, 6, nobody), (2, 4, user), (4, 0, nobody), (0x10, 4, nobody), (0x20, 0, nobody))


@posix
@pytest.mark.parametrize("hops", [1, 3])
def test_revoking_through_links_changes_the_file_they_lead_to(path: Path, hops: int) -> None:
    key = make_key(path, "sa:read")
    link = path
    for hop in range(hops):
        before, link = link, path.with_name(f"link-{hop}")
        link.symlink_to(before.name if hop else before)

    result = revoke(key, link)

    assert result.exit_code == 0, result.output
    assert link.is_symlink()
    assert is_revoked(key, path)


@posix
def test_revoking_through_a_linked_folder_changes_the_file_in_it(tmp_path: Path) -> None:
    folder, link = tmp_path / "..2026_11_29", tmp_path / "..data"
    key = make_key(folder / "keys.json", "sa:read")
    link.symlink_to(folder.name)
    (tmp_path / "keys.json").symlink_to("..data/keys.json")

    assert revoke(key, tmp_path / "keys.json").exit_code == 0

    assert is_revoked(key, folder / "keys.json")


@posix
@pytest.mark.parametrize("leads_to", ["nowhere.json", "keys.json"])
@pytest.mark.parametrize("command", ["add", "revoke"])
def test_a_link_that_leads_to_no_file_is_refused(path: Path, leads_to: str, command: str) -> None:
    path.symlink_to(leads_to)
    rest = ["a", "--scope", "sa:read"] if command == "add" else ["0123456789ab"]

    result = CliRunner().invoke(app, ["keys", command, *rest, "--file", str(path)])

    assert result.exit_code == 1
    assert f"{path} is a link that leads to no file" in result.stderr
    assert str(path.readlink()) == leads_to
    assert left_in(path.parent) == {"keys.json"}


@posix
@pytest.mark.parametrize("is_of_link", [True, False])
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_link_through_a_folder_that_others_may_write_is_refused(
    tmp_path: Path, mode: int, is_of_link: bool
) -> None:
    folders = tmp_path / "links", tmp_path / "keys"
    key = make_key(folders[1] / "keys.json", "sa:read")
    folders[0].mkdir()
    link = folders[0] / "keys.json"
    link.symlink_to(folders[1] / "keys.json")
    folders[not is_of_link].chmod(mode)
    before = (folders[1] / "keys.json").read_bytes()

    result = revoke(key, link)

    assert result.exit_code == 1
    assert f"others may write {folders[not is_of_link]}" in result.stderr
    assert (folders[1] / "keys.json").read_bytes() == before


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
@pytest.mark.parametrize("command", ["add", "revoke"])
def test_linked_folder_in_a_folder_that_others_may_write_is_refused(
    tmp_path: Path, mode: int, command: str
) -> None:
    links, keys = tmp_path / "links", tmp_path / "keys" / "deep"
    key = make_key(keys / "keys.json", "sa:read")
    links.mkdir()
    (links / "one").symlink_to(tmp_path / "keys")
    links.chmod(mode)
    before = (keys / "keys.json").read_bytes()
    rest = ["a", "--scope", "sa:read"] if command == "add" else [id_of(key)]

    path = links / "one" / "deep" / "keys.json"
    result = CliRunner().invoke(app, ["keys", command, *rest, "--file", str(path)])

    assert result.exit_code == 1
    assert f"others may write {links}" in result.stderr
    assert (keys / "keys.json").read_bytes() == before


@posix
def test_link_is_found_behind_parent_parts_and_links(tmp_path: Path) -> None:
    outer, links = tmp_path / "outer", tmp_path / "links"
    key = make_key(tmp_path / "keys" / "keys.json", "sa:read")
    outer.mkdir()
    links.mkdir()
    (links / "two").symlink_to("../keys")
    (outer / "one").symlink_to("../outer/../links/two")
    links.chmod(0o777)

    result = revoke(key, outer / ".." / "outer" / "one" / "keys.json")

    assert result.exit_code == 1
    assert f"others may write {links}" in result.stderr


@posix
def test_first_key_is_not_made_through_a_link_that_others_may_replace(tmp_path: Path) -> None:
    links, keys = tmp_path / "links", tmp_path / "keys"
    keys.mkdir()
    links.mkdir()
    (links / "one").symlink_to(keys)
    links.chmod(0o1777)

    path = links / "one" / "new" / "keys.json"
    result = CliRunner().invoke(
        app, ["keys", "add", "a", "--scope", "sa:read", "--file", str(path)]
    )

    assert result.exit_code == 1
    assert f"others may write {links}" in result.stderr
    assert not [*keys.iterdir()]


@root_on_linux
@pytest.mark.parametrize("is_of_link", [True, False])
@pytest.mark.parametrize("is_folder", [True, False])
def test_link_through_a_folder_of_another_user_is_refused(
    tmp_path: Path, is_of_link: bool, is_folder: bool
) -> None:
    links, keys = tmp_path / "links", tmp_path / "keys"
    key = make_key(keys / "keys.json", "sa:read")
    links.mkdir()
    link = links / "link"
    link.symlink_to(keys if is_folder else keys / "keys.json")
    foreign = links if is_of_link else keys
    os.chown(foreign, SERVICE, SERVICE)
    before = (keys / "keys.json").read_bytes()

    result = revoke(key, link / "keys.json" if is_folder else link)

    assert result.exit_code == 1
    assert f"{foreign} belongs to user {SERVICE}" in result.stderr
    assert (keys / "keys.json").read_bytes() == before


@root_on_linux
def test_links_in_folders_of_the_owner_of_the_keys_are_followed(tmp_path: Path) -> None:
    links, keys = tmp_path / "links", tmp_path / "keys"
    key = make_key(keys / "keys.json", "sa:read")
    links.mkdir()
    (links / "link").symlink_to(keys)
    for each in (links, keys, keys / "keys.json"):
        os.chown(each, SERVICE, SERVICE)

    assert revoke(key, links / "link" / "keys.json").exit_code == 0

    assert is_revoked(key, keys / "keys.json")


@posix
def test_folders_that_are_linked_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")

    path = tmp_path / "one" / "keys.json"
    result = CliRunner().invoke(
        app, ["keys", "add", "a", "--scope", "sa:read", "--file", str(path)]
    )

    assert result.exit_code == 1
    assert "leads to no file" in result.stderr


@posix
def test_a_file_with_two_names_is_refused(path: Path) -> None:
    key = make_key(path, "sa:read")
    other = path.with_name("other.json")
    other.hardlink_to(path)

    result = revoke(key, path)

    assert result.exit_code == 1
    assert "2 names" in result.stderr
    assert not is_revoked(key, other)
    assert left_in(path.parent) == {"keys.json", "other.json"}


@root_on_linux
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o440])
def test_a_changed_file_keeps_owner_and_mode(path: Path, mode: int) -> None:
    make_key(path, "sa:read")
    os.chown(path, SERVICE, 54321)
    path.chmod(mode)

    make_key(path, "sa:read")

    after = path.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (SERVICE, 54321, mode)


@root_on_linux
def test_a_changed_file_keeps_its_acl_and_attributes(path: Path) -> None:
    key = make_key(path, "sa:read")
    os.setxattr(path, ACL, readable_by(SERVICE))
    os.setxattr(path, "user.origin", b"vault")
    mode = path.stat().st_mode

    assert revoke(key, path).exit_code == 0

    assert os.getxattr(path, ACL) == readable_by(SERVICE)
    assert os.getxattr(path, "user.origin") == b"vault"
    assert path.stat().st_mode == mode


@root_on_linux
def test_a_changed_file_takes_no_acl_from_its_folder(path: Path) -> None:
    key = make_key(path, "sa:read")
    os.setxattr(path.parent, DEFAULT_ACL, readable_by(SERVICE))

    assert revoke(key, path).exit_code == 0

    assert ACL not in os.listxattr(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_a_file_that_would_change_hands_is_not_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(path, "sa:read")
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    result = revoke(key, path)

    assert result.exit_code == 1
    (said,) = result.stderr.splitlines()
    assert f"{path} belongs to user {os.geteuid()}" in said
    assert path.read_bytes() == before
    assert left_in(path.parent) == {"keys.json"}


@root_on_linux
def test_an_owner_changes_keys_after_root_did(path: Path) -> None:
    first, second = make_key(path, "sa:read"), make_key(path, "sa:read")
    for each in (path.parent, path):
        os.chown(each, SERVICE, SERVICE)
    assert revoke(first, path).exit_code == 0  # creates the lock file again if it is missing

    assert path.with_name("keys.json.lock").stat().st_uid == SERVICE
    assert revoke(second, path).exit_code == 0
    assert path.stat().st_uid == SERVICE


def test_what_a_crash_left_blocks_nothing(path: Path) -> None:
    key = make_key(path, "sa:read")
    left = path.with_name("keys.json.new")
    left.write_text("half a file", encoding="utf-8")

    assert revoke(key, path).exit_code == 0

    assert is_revoked(key, path)
    assert left_in(path.parent) == {"keys.json"}


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


CRASH = """
import os, pathlib, sys
from app.auth import key_changes
pathlib.Path.replace = lambda *_: os._exit(9)
key_changes.change_keys(pathlib.Path(sys.argv[1]), lambda keys: keys)
"""


@posix
def test_a_crash_between_writing_and_replacing_leaves_the_keys_and_no_lock(path: Path) -> None:
    key = make_key(path, "sa:read")
    with python(CRASH, str(path)) as crashing:
        assert crashing.wait(SECONDS) == 9
    assert left_in(path.parent) == {"keys.json", "keys.json.new"}
    assert not is_revoked(key, path)

    assert revoke(key, path).exit_code == 0

    assert is_revoked(key, path)
    assert left_in(path.parent) == {"keys.json"}


HOLD = """
import pathlib, sys
from app.auth.key_changes import change_keys
def wait(keys):
    print("holds", flush=True)
    sys.stdin.readline()
    return keys
change_keys(pathlib.Path(sys.argv[1]), wait)
"""


def test_while_one_program_changes_the_file_another_does_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(path, "sa:read")
    monkeypatch.setattr(key_changes, "LOCK_TIMEOUT_SECONDS", 0)
    with python(HOLD, str(path)) as holding:
        assert holding.stdout
        assert holding.stdout.readline() == "holds\n"
        result = revoke(key, path)
        holding.communicate("\n", SECONDS)

    assert result.exit_code == 1
    assert "another program has been changing" in result.stderr
    assert not is_revoked(key, path)
    assert revoke(key, path).exit_code == 0


ADD = """
import sys
from app.cli.main import app
for number in range(10):
    app(["keys", "add", f"{sys.argv[2]}-{number}", "--scope", "sa:read", "--file", sys.argv[1]],
        standalone_mode=False)
"""


def test_of_two_programs_that_race_neither_loses_a_key(path: Path) -> None:
    with python(ADD, str(path), "a") as first, python(ADD, str(path), "b") as second:
        for each in (first, second):
            each.communicate(timeout=SECONDS)
            assert each.returncode == 0

    names = {key.name for key in read_keys(path).keys}
    assert names == {f"{who}-{number}" for who in "ab" for number in range(10)}


def test_a_change_that_fails_changes_nothing(path: Path) -> None:
    make_key(path, "sa:read")
    before = path.read_bytes()

    def fail(_file: KeyFile) -> KeyFile:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        change_keys(path, fail)

    assert path.read_bytes() == before
    assert left_in(path.parent) == {"keys.json"}
    change_keys(path, lambda file: file)


def test_a_change_within_a_change_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_key(path, "sa:read")
    monkeypatch.setattr(key_changes, "LOCK_TIMEOUT_SECONDS", 0)

    def interrupted(file: KeyFile) -> KeyFile:
        with pytest.raises(KeysBusy):
            change_keys(path, lambda other: other)
        return file

    change_keys(path, interrupted)
    change_keys(path, lambda file: file)


def test_a_file_that_is_being_read_is_replaced_a_little_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a file that is open cannot be replaced."""
    key, rejections = make_key(path, "sa:read"), [PermissionError(13, "in use")] * 3
    replace = Path.replace

    def refuse_at_first(new: Path, target: Path) -> Path:
        if rejections:
            raise rejections.pop()
        return replace(new, target)

    monkeypatch.setattr("app.files.replacement.RETRY_SECONDS", 0)
    monkeypatch.setattr(Path, "replace", refuse_at_first)
    run_keys("revoke", id_of(key), path=path)
    assert is_revoked(key, path)

    rejections += [PermissionError(13, "in use")] * 100
    with pytest.raises(KeysUnreadable, match="in use"):
        change_keys(path, lambda file: file)


FULL = """
import resource, signal, sys
from app.cli.main import app
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
app(["keys", "revoke", sys.argv[2], "--file", sys.argv[1]])
"""


@posix
def test_a_file_that_cannot_be_written_whole_is_not_replaced(path: Path) -> None:
    key = make_key(path, "sa:read")
    before = path.read_bytes()

    done = subprocess.run(
        [sys.executable, "-c", FULL, path, id_of(key)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert f"cannot change {path}: File too large" in said
    assert path.read_bytes() == before
    assert left_in(path.parent) == {"keys.json"}


@posix
def test_file_and_folder_are_synced_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = make_key(path, "sa:read")
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(file: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "file")
        sync(file)

    def replaced(new: Path, target: Path) -> Path:
        done.append("replace")
        return replace(new, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    assert revoke(key, path).exit_code == 0

    assert done == ["file", "replace", "folder"]


def test_a_change_that_did_not_take_effect_is_a_failure(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a program without the lock wrote the file at that moment."""
    key = make_key(path, "sa:read")
    before = path.read_bytes()

    def overwritten(target: Path, content: bytes) -> None:
        replace_file(target, content)
        target.write_bytes(before)

    monkeypatch.setattr("app.auth.key_changes.replace_file", overwritten)
    result = revoke(key, path)

    assert result.exit_code == 1
    assert "does not hold what was written" in result.stderr
    assert "is revoked" not in result.stderr


def duplicate(path: Path, key: str) -> None:
    """Append a second, unrevoked entry of the key."""
    content = json.loads(path.read_text(encoding="utf-8"))
    entry = next(each for each in content["keys"] if each["id"] == id_of(key))
    content["keys"].append({**entry, "revoked": None})
    path.write_text(json.dumps(content), encoding="utf-8")


def test_two_keys_with_one_id_are_refused(path: Path) -> None:
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path)
    duplicate(path, key)

    with capture_logs() as log:
        keys.reload_if_changed()
    (entry,) = log
    assert entry["event"] == "api_keys_unreadable"
    assert f"2 keys have the id {id_of(key)}" in entry["reason"]
    with pytest.raises(KeysUnreadable, match="2 keys have the id"):
        ApiKeyStore(path)
    before = path.read_bytes()
    for arguments in (["list"], ["revoke", id_of(key)], ["add", "a", "--scope", "sa:read"]):
        result = CliRunner().invoke(app, ["keys", *arguments, "--file", str(path)])
        assert result.exit_code == 1
        assert f"2 keys have the id {id_of(key)}" in result.stderr
    assert path.read_bytes() == before


def test_unknown_member_is_not_named(path: Path) -> None:
    make_key(path, "sa:read")
    text = path.read_text(encoding="utf-8").replace("{", '{"my-secret": {"x": 1},', 1)
    path.write_text(text, encoding="utf-8")

    with pytest.raises(KeysUnreadable, match="a member: extra_forbidden") as error:
        ApiKeyStore(path)
    assert "my-secret" not in str(error.value)


@pytest.mark.parametrize(
    ("member", "twice"),
    [
        ("revoked", '"revoked": "2026-01-01T00:00:00Z", "revoked": null'),
        ("id", '"id": "0123456789ab", "revoked": null'),
        ("keys", None),
        ("secret", None),
        ("a member", None),
    ],
)
def test_member_given_twice_is_refused(path: Path, member: str, twice: str | None) -> None:
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path)
    text = path.read_text(encoding="utf-8")
    first = {"keys": "[]", "secret": "1", "a member": '[{"hidden": 1, "hidden": 2}]'}
    if twice is None:
        name = "keys" if member == "a member" else member
        text = text.replace("{", f'{{"{name}": {first[member]},', 1)
    else:
        text = text.replace('"revoked": null', twice)
    path.write_text(text, encoding="utf-8")
    reason = f"{member} is given twice in one object"

    with capture_logs() as log:
        keys.reload_if_changed()
    (entry,) = log
    assert entry["event"] == "api_keys_unreadable"
    assert reason in entry["reason"]
    with pytest.raises(KeysUnreadable, match=reason):
        ApiKeyStore(path)
    for arguments in (["list"], ["revoke", id_of(key)], ["add", "a", "--scope", "sa:read"]):
        result = CliRunner().invoke(app, ["keys", *arguments, "--file", str(path)])
        assert result.exit_code == 1
        assert reason in result.stderr
        assert "hidden" not in result.stderr
    assert path.read_text(encoding="utf-8") == text
