"""Checks of the server's state: the API key file and the state folder."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime

from app.auth.key_file import KeysUnreadable, parse_keys, read_content
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts, failure, not_applicable, ok, unknown, warning
from app.files.permissions import is_group_or_world_accessible
from app.files.replacement import NotReplaceable, target_of
from app.settings.paths import state_folder as state_folder_path


def keys(context: DoctorContext) -> CheckResult:
    """Check that the API key file is readable, has a valid key, is private and can be replaced."""
    path = context.settings.api_keys_file
    if path is None:
        return not_applicable(
            "No API key file is configured"
            + (
                ", nor an issuer: no credentials are required."
                if context.settings.oidc_issuer is None
                else "; callers authenticate with tokens: see `issuer`."
            )
        )
    try:
        file = read_content(path)
        all_keys = parse_keys(file.content, path).keys
    except KeysUnreadable as error:
        return failure(
            f"The API keys cannot be read: {error}. A running server rejects all keys "
            f"{context.settings.api_keys_grace_seconds:g} s after it can no longer read the file; "
            "a new one does not start.",
            "Let the server's account read the file, or create it with `sa-contexts keys add`.",
        )
    now = datetime.now(UTC)
    valid = [
        key
        for key in all_keys
        if key.revoked is None and (key.expires is None or key.expires > now)
    ]
    facts: Facts = {"keys": len(all_keys), "taken": len(valid)}
    names = frozenset(key.name for key in all_keys)
    if not valid and context.settings.oidc_issuer is None:
        return warning(
            "There is no valid API key, so all callers are rejected.",
            "Create one with `sa-contexts keys add`.",
            facts,
            names,
        )
    if is_group_or_world_accessible(file.mode):
        return warning(
            f"Other accounts can read or change the API keys in {path}.",
            f"`chmod 600 {path}`, unless the server's account has access through its group or an "
            "ACL, which this would remove.",
            facts,
            names,
        )
    try:
        target_of(path)
    except NotReplaceable as error:
        return warning(
            f"Keys cannot be revoked: {error}.",
            "Set SA_CONTEXTS_API_KEYS_FILE to the file itself, in a folder that only its owner can "
            "write to.",
            facts,
            names,
        )
    return ok(f"{len(valid)} of {len(all_keys)} API keys are valid.", None, facts, names)


def state_folder(_context: DoctorContext) -> CheckResult:
    """Check that no other account can change the state folder and so grant itself access."""
    folder = state_folder_path()
    facts: Facts = {"folder": str(folder)}
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        return not_applicable("There is no state folder.", facts=facts)
    except OSError as error:
        return warning(
            f"The state folder {folder} cannot be accessed: {error.strerror}.",
            "Let the server's account read it.",
            facts,
        )
    if os.name == "nt":
        return unknown(
            f"The permissions of the state folder {folder} were not checked.",
            f'`icacls "{folder}"`: only administrators, SYSTEM and the server\'s account should '
            "have write access.",
            facts,
        )
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return warning(
            f"Other accounts can change the state folder {folder}, and so grant themselves access.",
            f"`chmod 700 {folder}`.",
            facts,
        )
    return ok("Only its owner can change the state folder.", facts=facts)
