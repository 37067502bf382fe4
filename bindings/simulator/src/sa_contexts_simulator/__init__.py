"""A simulator of the Windows functions that expose IPsec SAs, for systems without them.

`LIBRARY` is the path of a C library with the ABI of `fwpuclnt.dll`. `Simulator` controls its
contexts, changes and failures, and counts the resources that callers hold.
"""

from sa_contexts_simulator.simulator import LIBRARY, Crowd, Option, Simulator


__all__ = ["LIBRARY", "Crowd", "Option", "Simulator"]
