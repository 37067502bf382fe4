"""Rekeys: replacements are found if possible, and never twice."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repository.changes.rekeys import MAX_GAP_SECONDS, RekeyCorrelator
from app.repository.query.filters import Key
from app.repository.snapshot.model import Change, Item
from app.resources.sa_contexts.encoding import no_alias
from app.resources.sa_contexts.index import index_key
from app.resources.sa_contexts.kind import SaContextKind
from app.schemas.names import Baseline
from bindings.records import SaContext, SaDetails
from tests.repository.states import sa_details


Negotiation = tuple[str, int, int]
"""An SA's remote address, quick mode filter, and main mode SA."""

NEGOTIATIONS = SaContextKind(lambda: no_alias).negotiations
ONE: Negotiation = ("10.0.1.1", 5, 77)
OTHERS: list[Negotiation] = [
    ("10.0.1.2", 5, 77),
    ("10.0.1.1", 6, 77),
    ("10.0.1.1", 5, 78),
    ("2001:db8::1", 5, 77),
]


def details(negotiation: Negotiation) -> SaDetails:
    remote, qm_filter_id, mm_sa_id = negotiation
    made = sa_details(remote, local="10.0.0.1" if "." in remote else "2001:db8::2")
    bundle = made.sa_bundle._replace(qm_filter_id=qm_filter_id, mm_sa_id=mm_sa_id)
    return made._replace(sa_bundle=bundle)


def key(*negotiations: Negotiation) -> Key:
    """Return the traits of a context with none, one or two such SAs."""
    inbound, outbound = (*map(details, negotiations), None, None)[:2]
    return index_key(SaContext(1, inbound, outbound), Baseline.NIST_SP_800_77R1)


def came(number: int, *negotiations: Negotiation) -> Change:
    return Change("added", number, Item(key(*negotiations), b"{}"), None)


def went(number: int, *negotiations: Negotiation) -> Change:
    return Change("deleted", number, None, key(*negotiations))


def completed(number: int, *negotiations: Negotiation) -> Change:
    """Return the deletion of a half-built context."""
    return Change("modified", number, Item(key(*negotiations), b"{}"), key())


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def partners(*revisions: tuple[Change, ...], seconds: float = 0.0) -> dict[int, int | None]:
    """Correlate changes that arrive one revision after another, at these intervals."""
    clock = Clock()
    rekeys = RekeyCorrelator(NEGOTIATIONS, clock)
    found: dict[int, int | None] = {}
    for changes in revisions:
        joined = rekeys.correlate(changes)
        assert [each._replace(rekey_of=None) for each in joined] == list(changes)
        found |= {each.object_id: each.rekey_of for each in joined}
        clock.now += seconds
    return found


def test_they_are_found_in_one_revision_in_either_order() -> None:
    assert partners((came(2, ONE), went(1, ONE))) == {2: 1, 1: 2}
    assert partners((went(1, ONE), came(2, ONE))) == {2: 1, 1: 2}


def test_the_later_one_names_the_earlier() -> None:
    assert partners((came(2, ONE),), (went(1, ONE),)) == {2: None, 1: 2}
    assert partners((went(1, ONE),), (came(2, ONE),)) == {1: None, 2: 1}


def test_it_is_reported_once() -> None:
    assert partners((came(2, ONE),), (went(1, ONE),), (went(3, ONE),)) == {2: None, 1: 2, 3: None}
    assert partners((went(1, ONE),), (came(2, ONE),), (came(3, ONE),)) == {1: None, 2: 1, 3: None}
    assert partners((came(2, ONE), went(1, ONE)), (went(3, ONE),)) == {2: 1, 1: 2, 3: None}


def test_several_of_one_negotiation_are_joined_in_their_order() -> None:
    pairs = {1: 3, 2: 4, 3: 1, 4: 2}
    assert partners((came(3, ONE), came(4, ONE), went(1, ONE), went(2, ONE))) == pairs
    assert partners((went(1, ONE), went(2, ONE)), (came(3, ONE), came(4, ONE))) == {
        **pairs,
        1: None,
        2: None,
    }
    assert partners((came(3, ONE),), (came(4, ONE),), (went(1, ONE),), (went(2, ONE),)) == {
        **pairs,
        3: None,
        4: None,
    }


def test_one_who_went_takes_nobodys_place() -> None:
    assert partners((came(2, ONE),), (went(2, ONE),), (went(1, ONE),))[1] is None


def test_the_one_who_came_goes_in_its_turn() -> None:
    assert partners((came(2, ONE),), (went(1, ONE),), (came(3, ONE), went(2, ONE))) == {
        1: 2,
        2: 3,
        3: 2,
    }


def test_one_who_goes_with_the_one_it_replaced_was_not_replaced_by_it() -> None:
    for changes in ((went(1, ONE), went(2, ONE)), (went(2, ONE), went(1, ONE))):
        assert partners((came(2, ONE),), changes) == {1: 2, 2: None}


@pytest.mark.parametrize("other", OTHERS)
def test_all_three_must_agree(other: Negotiation) -> None:
    assert partners((came(2, other), went(1, ONE))) == {2: None, 1: None}
    assert partners((went(1, other),), (came(2, ONE),)) == {2: None, 1: None}


def test_one_of_two_sas_is_enough() -> None:
    assert partners((came(2, ONE, OTHERS[0]),), (went(1, OTHERS[0]),))[1] == 2
    assert partners((went(1, OTHERS[0]),), (came(2, ONE, OTHERS[0]),))[2] == 1


def test_one_who_came_under_two_names_is_reported_once() -> None:
    assert partners((came(2, ONE, OTHERS[0]),), (went(1, ONE),), (went(3, OTHERS[0]),)) == {
        2: None,
        1: 2,
        3: None,
    }
    assert partners((went(1, ONE, OTHERS[0]),), (came(2, ONE),), (came(3, OTHERS[0]),)) == {
        1: None,
        2: 1,
        3: None,
    }


@pytest.mark.parametrize("missing", [0, 1])
def test_missing_traits_join_nothing(missing: int) -> None:
    unknown: Any = ("10.0.1.1", (None, 5)[missing], (77, 0)[missing])

    assert partners((came(2, unknown), went(1, unknown))) == {2: None, 1: None}
    assert partners((came(2), went(1))) == {2: None, 1: None}


def test_correlation_times_out() -> None:
    assert partners((came(2, ONE),), (went(1, ONE),), seconds=MAX_GAP_SECONDS)[1] == 2
    assert partners((came(2, ONE),), (went(1, ONE),), seconds=MAX_GAP_SECONDS + 1)[1] is None
    assert partners((went(1, ONE),), (came(2, ONE),), seconds=MAX_GAP_SECONDS)[2] == 1
    assert partners((went(1, ONE),), (came(2, ONE),), seconds=MAX_GAP_SECONDS + 1)[2] is None


def test_nothing_is_known_of_another_epoch() -> None:
    rekeys = RekeyCorrelator(NEGOTIATIONS, Clock())
    rekeys.correlate((came(2, ONE), went(3, OTHERS[0])))
    rekeys.reset()

    (gone, there) = rekeys.correlate((went(1, ONE), came(4, OTHERS[0])))

    assert (gone.rekey_of, there.rekey_of) == (None, None)


def test_one_that_was_announced_half_built_is_found_when_its_sas_are_there() -> None:
    assert partners((came(2),), (completed(2, ONE),), (went(1, ONE),)) == {2: None, 1: 2}
    assert partners((went(1, ONE),), (came(2),), (completed(2, ONE),)) == {1: None, 2: 1}
    assert partners((came(2),), (completed(2, ONE), went(1, ONE))) == {2: 1, 1: 2}


STEPS = st.lists(
    st.tuples(
        st.floats(0, 90),
        st.lists(
            st.tuples(
                st.booleans(),
                st.lists(st.sampled_from([ONE, *OTHERS[:2]]), min_size=1, max_size=2, unique=True),
            ),
            min_size=1,
            max_size=4,
        ),
    ),
    max_size=12,
)


@given(STEPS)
def test_no_two_share_a_partner_and_partners_have_something_in_common(
    steps: list[tuple[float, list[tuple[bool, list[Negotiation]]]]],
) -> None:
    """Each context is only added or only deleted; its other states do not matter."""
    clock = Clock()
    rekeys = RekeyCorrelator(NEGOTIATIONS, clock)
    negotiated: dict[int, set[Negotiation]] = {}
    when: dict[int, float] = {}
    kinds: dict[int, bool] = {}
    pairs: set[frozenset[int]] = set()
    for seconds, changes in steps:
        clock.now += seconds
        made = []
        for is_new, negotiations in changes:
            number = len(negotiated) + 1
            negotiated[number], when[number] = set(negotiations), clock.now
            kinds[number] = is_new
            made.append((came if is_new else went)(number, *negotiations))
        pairs |= {
            frozenset((each.object_id, each.rekey_of))
            for each in rekeys.correlate(tuple(made))
            if each.rekey_of is not None
        }
    for one, other in pairs:
        assert kinds[one] != kinds[other]
        assert negotiated[one] & negotiated[other]
        assert abs(when[one] - when[other]) <= MAX_GAP_SECONDS
    joined = list(chain.from_iterable(pairs))
    assert len(joined) == len(set(joined))
