"""The least that accepting connections costs in Python: each is accepted, and reset at once.

`python -m tests.hostile.accepting ADDRESS` prints its port.
"""

from __future__ import annotations

import socket
import sys

from app.net.send_queue import reset_on_close


def main() -> None:
    """Accept until killed."""
    with socket.create_server((sys.argv[1], 0), backlog=2048) as listener:
        print(listener.getsockname()[1], flush=True)  # noqa: T201  # who started it reads this
        while True:
            with listener.accept()[0] as connection:
                reset_on_close(connection)


if __name__ == "__main__":
    main()
