"""A main mode SA's id of 0 leads nowhere: the engine has not set it, and it is null."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sa_contexts_simulator import Simulator

from app.resources.net_events.encoding import encode_net_event
from app.resources.net_events.schema import NetEvent
from app.resources.sa_contexts.schema import SaContext
from bindings.enums import NetEventType
from bindings.net_event import ExtendedModeFailure, MainModeFailure, QuickModeFailure
from tests.bindings.trees import Tree
from tests.conftest import Serve
from tests.resources.test_net_event_encoding import event_of


KEY = "5f2a3c61-3a1f-4b44-9d0e-1c7a2b9f0d11"


@pytest.mark.parametrize(("in_memory", "shown"), [(0, None), (2**53 + 1, "9007199254740993")])
def test_a_context_may_have_no_main_mode(
    serve: Serve, simulator: Simulator, in_memory: int, shown: str | None
) -> None:
    client = serve(contexts=0)
    tree = Tree()
    tree.context.inboundSa = tree.new("IPSEC_SA_DETAILS1")
    tree.context.inboundSa.saBundle.mmSaId = in_memory
    simulator.put(tree.address)

    (context,) = client.get("/sa-contexts?maxAge=0").json()["items"]

    assert context["inboundSa"]["saBundle"]["mmSaId"] == shown
    SaContext.model_validate(context)
    found = client.get(f"/sa-contexts?maxAge=0&mmSaId={in_memory}").json()["items"]
    assert found == [context]


@pytest.mark.parametrize(
    ("type_", "failure", "name"),
    [
        (
            NetEventType.IKEEXT_MM_FAILURE,
            MainModeFailure(13801, 0, 0, 0, 0, 0, 0, None, 0, 0, None, None, KEY),
            "mmId",
        ),
        (
            NetEventType.IKEEXT_QM_FAILURE,
            QuickModeFailure(13868, 0, 0, 0, 0, 0, None, None, 0, 0, KEY),
            "mmSaLuid",
        ),
        (
            NetEventType.IKEEXT_EM_FAILURE,
            ExtendedModeFailure(13801, 0, 0, 0, 0, 0, None, 0, 0, None, None, None),
            "mmId",
        ),
    ],
)
def test_a_negotiation_may_have_failed_before_its_main_mode_existed(
    type_: int, failure: Any, name: str
) -> None:
    text = encode_net_event(event_of(type_, failure), "b893933fedc9-17")
    NetEvent.model_validate_json(text)
    event = orjson.loads(text)

    (values,) = [part for part in event.values() if isinstance(part, dict) and name in part]
    assert values[name] is None
