"""A simulator of Windows' IPsec SA context functions, for systems without them.

`LIBRARY` is a C library with the ABI of `fwpuclnt.dll`. `Simulator` controls its
contexts, changes and failures, and counts the resources that callers hold.
"""

from sa_contexts_simulator.simulator import LIBRARY, Option, Simulator


__all__ = ["LIBRARY", "Option", "Simulator"]
