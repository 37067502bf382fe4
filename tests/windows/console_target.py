"""`sa-contexts`, in a process that has the console's events happen to itself.

A line on standard input is the number of an event. Windows reports an event to a process by a
new thread that runs `CtrlRoutine` of kernelbase.dll; so does this, as there is no
console that could.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import wintypes
from threading import Thread
from typing import Any

from app.cli import main as cli


def _obey() -> None:
    kernel: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]  # on Windows only
    kernel.GetModuleHandleW.restype = ctypes.c_void_p
    kernel.GetModuleHandleW.argtypes = [wintypes.LPCWSTR]
    kernel.GetProcAddress.restype = ctypes.c_void_p
    kernel.GetProcAddress.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    kernel.CreateThread.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
        ctypes.c_void_p,
        wintypes.DWORD,
        ctypes.c_void_p,
    ]
    routine = kernel.GetProcAddress(kernel.GetModuleHandleW("kernelbase.dll"), b"CtrlRoutine")
    assert routine
    for event in sys.stdin:
        assert kernel.CreateThread(None, 0, routine, int(event), 0, None)


if __name__ == "__main__":
    Thread(target=_obey, daemon=True).start()
    cli.main()
