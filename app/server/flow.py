"""Flow control of a connection: a client that pipelines is read only as fast as it is served."""

from __future__ import annotations

from asyncio import Transport

from uvicorn.protocols.http.flow_control import FlowControl

from app.server.parser import LimitedH11Parser


class LimitedFlowControl(FlowControl):
    """uvicorn's flow control, which does not read while the parser has enough to parse.

    uvicorn resumes reading for each request, to notice a disconnect. A client that pipelines
    without end would add up to a whole read to the parser's buffer each time, however small the
    requests.
    """

    def __init__(self, transport: Transport, parser: LimitedH11Parser) -> None:
        """Create the flow control of a connection.

        Args:
            transport: the connection's transport.
            parser: holds what was read and not parsed yet.
        """
        super().__init__(transport)
        self._parser = parser

    def resume_reading(self) -> None:
        """Resume reading, unless the parser has enough; each further request tries again."""
        if self.read_paused and not self._parser.is_full:
            super().resume_reading()
