"""Checks of what the server keeps: the file of API keys, and the folder of its state."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime

from app.auth.key_file import KeysUnreadable, read_keys
from app.auth.permissions import is_group_or_world_accessible
from app.auth.replacement import NotReplaceable, target_of
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome
from app.settings.paths import state_folder as state_folder_path


def keys(subject: DoctorContext) -> CheckResult:
    """Whether the file of API keys can be read, and has a key that is still taken."""
    path = subject.settings.keys
    if path is None:
        return CheckResult(
            Outcome.NOT_APPLICABLE,
            "No file of API keys is configured"
            + (
                ", nor an issuer: no caller is asked for a credential."
                if subject.settings.oidc_issuer is None
                else "; callers show tokens of the issuer: see `issuer`."
            ),
        )
    try:
        held = read_keys(path).keys
    except KeysUnreadable as error:
        return CheckResult(
            Outcome.FAILURE,
            f"The API keys are out of reach: {error}. A running server rejects all keys "
            f"{subject.settings.keys_grace_seconds:g} s after it lost them; none starts.",
            "Let the server's account read the file; `sa-contexts keys add` makes one.",
        )
    now = datetime.now(UTC)
    taken = [
        key for key in held if key.revoked is None and (key.expires is None or key.expires > now)
    ]
    facts: Facts = {"keys": len(held), "taken": len(taken)}
    names = frozenset(key.name for key in held)
    if not taken and subject.settings.oidc_issuer is None:
        return CheckResult(
            Outcome.WARNING,
            "There is no API key that is still taken, so nobody gets in.",
            "`sa-contexts keys add` makes one.",
            facts,
            names,
        )
    if is_group_or_world_accessible(path.stat().st_mode):
        return CheckResult(
            Outcome.WARNING,
            f"Others may read or change the API keys in {path}.",
            f"`chmod 600 {path}`, unless the server's account reads it by its group or an ACL: "
            "that would shut it out.",
            facts,
            names,
        )
    try:
        target_of(path)
    except NotReplaceable as error:
        return CheckResult(
            Outcome.WARNING,
            f"Keys cannot be revoked: {error}.",
            "Set SA_CONTEXTS_KEYS to the file itself, in a folder that only its owner may write.",
            facts,
            names,
        )
    return CheckResult(
        Outcome.OK, f"{len(taken)} of {len(held)} API keys are taken.", None, facts, names
    )


def state_folder(_subject: DoctorContext) -> CheckResult:
    """Whether others could change what the server keeps, and so let themselves in."""
    folder = state_folder_path()
    facts: Facts = {"folder": str(folder)}
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        return CheckResult(Outcome.NOT_APPLICABLE, "There is no folder of state.", facts=facts)
    except OSError as error:
        return CheckResult(
            Outcome.WARNING,
            f"The folder of state {folder} is out of reach: {error.strerror}.",
            "Let the server's account read it.",
            facts,
        )
    if os.name == "nt":
        return CheckResult(
            Outcome.UNKNOWN,
            f"Who may change the folder of state {folder} was not looked at.",
            f'`icacls "{folder}"`: only administrators, SYSTEM and the server\'s account should.',
            facts,
        )
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return CheckResult(
            Outcome.WARNING,
            f"Others may change the folder of state {folder}, and let themselves in.",
            f"`chmod 700 {folder}`.",
            facts,
        )
    return CheckResult(Outcome.OK, "Only its owner may change the folder of state.", facts=facts)
