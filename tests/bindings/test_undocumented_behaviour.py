"""What enumerations are seen to do, in each way that the simulator can do it."""

from __future__ import annotations

import pytest
from sa_contexts_simulator import Option, Simulator

from bindings.errors import EngineGone, NeverMatch
from bindings.library import Library
from bindings.session import Session
from bindings.undocumented_behaviour import EmptyPage, empty_page, stale_handle_error


@pytest.mark.parametrize("has_block", [False, True])
def test_an_empty_page_is_seen(library: Library, simulator: Simulator, has_block: bool) -> None:
    simulator.populate(20)
    simulator.set_option(Option.EMPTY_BLOCK, int(has_block))

    with Session(library) as session:
        assert empty_page(session) == EmptyPage(0, has_block)

    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_a_template_may_be_refused(library: Library, simulator: Simulator) -> None:
    simulator.fail("IPsecSaContextCreateEnumHandle0", 0x80320033)

    with Session(library) as session, pytest.raises(NeverMatch):
        empty_page(session)


def test_a_handle_that_was_destroyed_is_refused(library: Library, simulator: Simulator) -> None:
    with Session(library) as session:
        assert isinstance(stale_handle_error(session), EngineGone)

    assert simulator.misuses() == 1
    assert (simulator.open_handles(), simulator.unfreed_blocks()) == (0, 0)
