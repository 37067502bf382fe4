"""`sa-contexts keys`: create, list and revoke API keys."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.auth.key_changes import KeysBusy, change_keys
from app.auth.key_file import MAX_NAME, ApiKey, KeyFile, new_key_text, read_keys
from app.auth.scopes import Scope
from app.cli.columns import Column, table_lines
from app.cli.failures import discard_output, explained_failures, fail
from app.cli.group import Group
from app.cli.options import given
from app.cli.printable import print_lines, printable
from app.settings.model import Settings
from app.settings.paths import state_folder


app = typer.Typer(cls=Group, help="Create, list and revoke API keys.", no_args_is_help=True)

UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MAX_DAYS: Final = 3650
COLUMNS: Final = (
    *(Column("ID"), Column("Created"), Column("Status")),
    *(Column("Scopes"), Column("Name")),
)

FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", help="API key file; by default that of SA_CONTEXTS_API_KEYS_FILE.", dir_okay=False
    ),
]


def parse_lifetime(text: str) -> timedelta:
    """Parse a lifetime such as 90d.

    Raises:
        typer.BadParameter: it is none, or too long.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,8})([mhdw])", text)
    if found is None:
        raise typer.BadParameter("a number followed by m, h, d or w, such as 90d")
    lifetime = timedelta(**{UNITS[found[2]]: int(found[1])})
    if lifetime > timedelta(days=MAX_DAYS):
        raise typer.BadParameter(f"at most {MAX_DAYS}d")
    return lifetime


def require_name(name: str) -> None:
    """Require a name that can be shown.

    Raises:
        typer.BadParameter: it is none.
    """
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise typer.BadParameter(f"1 to {MAX_NAME} printable characters", param_hint="NAME")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Owner or purpose of the key.")],
    scope: Annotated[list[Scope], typer.Option(help="Scope to grant; repeatable.")],
    expires: Annotated[
        Any, typer.Option(parser=parse_lifetime, metavar="TIME", help="Lifetime, such as 90d.")
    ] = None,
    file: FileOption = None,
) -> None:
    """Create a key and show it once."""
    require_name(name)
    path = _path(file)
    now = datetime.now(UTC).replace(microsecond=0)
    key_id, text = new_key_text()

    def with_key(before: KeyFile) -> KeyFile:
        key = ApiKey(
            id=key_id,
            name=name,
            scopes=tuple(sorted(set(scope))),
            created=now,
            expires=now + expires if expires else None,
            hash=before.hash_of(text).hex(),
        )
        return before.model_copy(update={"keys": (*before.keys, key)})

    with explained_failures(KeysBusy):
        change_keys(path, with_key)
    _say(f"The key {key_id} is in {path}. It is shown now and never again:")
    try:
        typer.echo(text)
    except OSError as error:  # for example, standard output is a file on a full disk
        discard_output()
        fail(
            f"the key could not be shown ({error.strerror}) and is lost; "
            f"revoke it with `sa-contexts keys revoke {key_id} --file {path}`"
        )
    if (mismatch := _settings_mismatch(path)) is not None:
        _say(f"{mismatch} For a server to accept the key, set SA_CONTEXTS_API_KEYS_FILE={path}")


@app.command("list")
def list_(file: FileOption = None) -> None:
    """List the keys, without their secrets."""
    with explained_failures(KeysBusy):
        path = _path(file)
        _require_keys(path)
        found = read_keys(path)
    now = datetime.now(UTC)
    rows = [
        (
            *(key.id, f"{key.created:%Y-%m-%d}", _status(key, now)),
            *(",".join(key.scopes), printable(key.name)),
        )
        for key in found.keys
    ]
    print_lines(table_lines(COLUMNS, rows))


def _require_keys(path: Path) -> None:
    """Exit with a message if there is no file of keys."""
    if not path.exists() and not path.is_symlink():  # a dangling link is another failure
        fail(f"there are no keys in {path} yet: create one with `sa-contexts keys add`")


def _status(key: ApiKey, now: datetime) -> str:
    if key.revoked:
        return f"revoked {key.revoked:%Y-%m-%d %H:%M}Z"
    if key.expires is None:
        return "does not expire"
    return f"{'expired' if key.expires <= now else 'expires'} {key.expires:%Y-%m-%d %H:%M}Z"


@app.command()
def revoke(
    id_or_name: Annotated[
        str, typer.Argument(metavar="KEY", help="The key's id or name, as `list` shows it.")
    ],
    file: FileOption = None,
) -> None:
    """Revoke a key; servers that read the file reject it within two seconds."""
    path = _path(file)
    key_id = ""

    def with_revoked(before: KeyFile) -> KeyFile:
        nonlocal key_id
        key_id = _id_of(id_or_name, before, path)
        now = datetime.now(UTC).replace(microsecond=0)
        keys = (
            key.model_copy(update={"revoked": key.revoked or now}) if key.id == key_id else key
            for key in before.keys
        )
        return before.model_copy(update={"keys": tuple(keys)})

    with explained_failures(KeysBusy):
        _require_keys(path)
        change_keys(path, with_revoked)
    _say(
        f"The key {key_id} is revoked in {path}. A server that reads this file rejects the key "
        "within two seconds; a server that cannot read the file, after its api_keys_grace_seconds."
    )
    if (mismatch := _settings_mismatch(path)) is not None:
        _say(f"{mismatch} A server with these settings does not read the changed file.")


def _id_of(id_or_name: str, file: KeyFile, path: Path) -> str:
    """Return the id of the key with this id or name; exit unless exactly one matches.

    An id takes precedence over a name. Of several keys with the name, revoked ones are ignored,
    unless all of them are revoked.
    """
    if any(key.id == id_or_name for key in file.keys):
        return id_or_name
    named = [key for key in file.keys if key.name == id_or_name]
    named = [key for key in named if not key.revoked] or named
    shown = printable(id_or_name)
    if not named:
        fail(f"there is no key {shown} in {path}")
    if len(named) > 1:
        fail(f"{len(named)} keys are named {shown}; give an id: {', '.join(k.id for k in named)}")
    return named[0].id


def _path(file: Path | None) -> Path:
    """Return the absolute path of `file`, else of the configured key file, else of the default."""
    return (file or _configured() or state_folder() / "keys.json").absolute()


def _settings_mismatch(path: Path) -> str | None:
    """Return a sentence about the key file in the settings; None if it is the file at `path`."""
    configured = _configured()
    if configured is None:
        return "The settings name no API key file."
    with suppress(OSError):
        if configured.samefile(path):
            return None
    return f"The settings name another file, {configured}."


def _configured() -> Path | None:
    """Return the key file that the settings name, if any."""
    with explained_failures():
        return Settings(**given()).api_keys_file


def _say(sentence: str) -> None:
    """Print to standard error; standard output is reserved for the key."""
    typer.echo(sentence, err=True)
