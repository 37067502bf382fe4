"""A stand-in for Windows' IPsec SA context functions, for machines without them.

`LIBRARY` is a C library with the ABI of `fwpuclnt.dll`; `Simulator` controls
it: what contexts it has, how they change, when it fails, what its callers hold.
"""

from sa_contexts_simulator.simulator import LIBRARY, Option, Simulator


__all__ = ["LIBRARY", "Option", "Simulator"]
