"""The stamp that is written into a decision once it is encoded."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.pipeline.peer_loop import Passed
from optimize.decision import decode_decision, encode_decision, stamp_published
from tests.factories import make_decision

INT64_MAX = 2**63 - 1


@given(
    published_ns=st.integers(0, INT64_MAX),
    before_ns=st.integers(0, INT64_MAX),
    reason=st.text() | st.just('"published_ns":7}'),
    cloud_points=st.sampled_from((0, 20)),
)
def test_the_stamp_is_all_that_changes(
    published_ns: int, before_ns: int, reason: str, cloud_points: int
) -> None:
    made = make_decision(n=2, cloud_points=cloud_points, engine_reason=reason, portfolio=reason)
    times = msgspec.structs.replace(made.times, published_ns=before_ns)
    decision = msgspec.structs.replace(made, times=times)
    stamped = decode_decision(stamp_published(encode_decision(decision), published_ns))
    assert stamped.times.published_ns == published_ns
    back = msgspec.structs.replace(stamped, times=times)
    assert encode_decision(back) == encode_decision(decision)


def test_a_peers_message_is_stamped_alike() -> None:
    passed = Passed(offset=5, received_ns=7, lost=0, weights=(0.25, 0.75), published_ns=0)
    payload = stamp_published(msgspec.json.encode(passed), 1_750_000_000_000_000_001)
    assert msgspec.json.decode(payload, type=Passed) == msgspec.structs.replace(
        passed, published_ns=1_750_000_000_000_000_001
    )


def test_what_has_no_such_field_is_refused() -> None:
    with pytest.raises(ValueError, match="not found"):
        stamp_published(b'{"published": 1}', 2)
