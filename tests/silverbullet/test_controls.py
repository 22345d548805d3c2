"""Controls: what is asked for, what of it holds, and what is no control at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silverbullet.controls import Controls, EngineChoice
from storage.control import Control, decode_control, encode_control

SETTINGS = EngineChoice(("ray", "spark", "local"), "tasks", 2)
WHERE = "control[0]@7"


def control(number: int = 1, **wish: object) -> bytes:
    return encode_control(Control(id=f"c{number}", time_ns=number, who="ann", **wish))  # type: ignore[arg-type]


def test_a_wish_for_engines_waits_until_they_are_up() -> None:
    controls = Controls(SETTINGS)
    state = controls.step(control(order=("spark", "spark")), WHERE)
    assert (state.state, state.who, state.wish) == ("waiting", "ann", "engines spark, spark")
    assert controls.wanted == EngineChoice(("spark",), "tasks", 2)
    assert controls.wanted_by == "ann"
    controls.applied()
    assert [entry.state for entry in controls.log] == ["applied"]


def test_what_is_not_named_stays_as_it_is() -> None:
    controls = Controls(SETTINGS)
    controls.step(control(1, dispatch="resident"), WHERE)
    controls.step(control(2, workers=5), WHERE)
    assert controls.wanted == EngineChoice(SETTINGS.order, "resident", 5)
    assert told(controls) == [("waiting", ""), ("waiting", "")]
    controls.applied()
    assert told(controls) == [("applied", ""), ("applied", "")]


def test_nothing_of_a_replaced_control_stays_in_effect() -> None:
    controls = Controls(SETTINGS)
    controls.step(control(1, order=("spark",)), WHERE)
    controls.step(control(2, order=("ray",)), WHERE)
    assert controls.wanted == EngineChoice(("ray",), "tasks", 2)
    why = "a later control came before its engines were up"
    assert told(controls) == [("replaced", why), ("waiting", "")]


def test_a_control_that_was_replaced_in_part_says_in_which() -> None:
    controls = Controls(SETTINGS)
    controls.step(control(1, order=("spark",), dispatch="resident"), WHERE)
    controls.step(control(2, order=("ray",)), WHERE)
    assert controls.wanted == EngineChoice(("ray",), "resident", 2)
    assert told(controls) == [("waiting", ""), ("waiting", "")]
    controls.applied()
    but = "but for its engines, which a later control changed"
    assert told(controls) == [("applied", but), ("applied", "")]


def test_asked_again_for_what_comes_up_it_is_not_applied_before_it_is_up() -> None:
    controls = Controls(SETTINGS)
    controls.step(control(1, workers=3), WHERE)
    assert controls.step(control(2, workers=3), WHERE).state == "waiting"
    assert [state for state, _ in told(controls)] == ["replaced", "waiting"]


def test_a_wish_back_to_what_decides_is_applied_at_once_and_replaces_the_other() -> None:
    controls = Controls(SETTINGS)
    controls.step(control(1, workers=3), WHERE)
    assert controls.step(control(2, workers=2), WHERE).state == "applied"
    assert [state for state, _ in told(controls)] == ["replaced", "applied"]
    controls.step(control(3, order=("spark",), workers=3), WHERE)
    assert controls.step(control(4, reset=True), WHERE).state == "applied"
    assert [state for state, _ in told(controls)][2:] == ["replaced", "applied"]


def told(controls: Controls) -> list[tuple[str, str]]:
    return [(entry.state, entry.reason) for entry in controls.log]


def test_a_wish_for_what_is_so_already_is_applied_at_once() -> None:
    controls = Controls(SETTINGS)
    assert controls.step(control(workers=2), WHERE).state == "applied"
    assert controls.wanted == SETTINGS


def test_pausing_names_who_did_it_and_reset_ends_it() -> None:
    controls = Controls(SETTINGS)
    assert controls.step(control(1, paused=True), WHERE).state == "applied"
    assert controls.paused == "paused by ann"
    controls.step(control(2, workers=3), WHERE)
    assert controls.paused == "paused by ann"
    assert controls.wanted_by == "ann"
    controls.step(control(3, reset=True), WHERE)
    assert (controls.wanted, controls.wanted_by, controls.paused) == (SETTINGS, "", "")


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"\xff", "control[0]@7 is no control: "),
        (b"{}", "missing required field `id`"),
        (b'{"sudo":' + b"[" * 50_000, "control[0]@7 is no control: "),
        (control().replace(b'"workers":null', b'"workers":0'), "`int` >= 1"),
        (control().replace(b'"workers":null', b'"workers":999'), "`int` <= 256"),
        (control().replace(b'"order":null', b'"order":["dask"]'), "Invalid enum value 'dask'"),
        (control().replace(b'"order":null', b'"order":[]'), "length >= 1"),
        (control().replace(b'"paused":null', b'"sudo":true'), "unknown field `sudo`"),
        (control().replace(b'"who":"ann"', b'"who":""'), "length >= 1"),
    ],
)
def test_what_is_no_control_is_refused_with_its_place_and_changes_nothing(
    payload: bytes, told: str
) -> None:
    controls = Controls(SETTINGS)
    state = controls.step(payload, WHERE)
    assert state.state == "refused"
    assert told in state.reason
    assert (controls.wanted, controls.paused) == (SETTINGS, "")
    assert controls.log == (state,)


@given(st.binary(max_size=200))
def test_no_bytes_do_any_harm(payload: bytes) -> None:
    controls = Controls(SETTINGS)
    assert controls.step(payload, WHERE).state == "refused"


wishes = st.fixed_dictionaries(
    {},
    optional={
        "order": st.lists(st.sampled_from(["ray", "spark", "local"]), min_size=1, max_size=3),
        "dispatch": st.sampled_from(["tasks", "resident"]),
        "workers": st.integers(1, 256),
        "paused": st.booleans(),
        "reset": st.booleans(),
    },
)


@given(st.lists(wishes, max_size=60))
def test_the_log_is_bounded_and_a_control_holds_as_far_as_no_later_one_named_the_same(
    wanted: list[dict],
) -> None:
    controls = Controls(SETTINGS)
    for number, wish in enumerate(wanted):
        payload = control(number, **wish)
        assert decode_control(payload).id == f"c{number}"
        controls.step(payload, WHERE)
    states = [entry.state for entry in controls.log]
    assert len(states) == min(20, len(wanted))
    assert states.count("waiting") <= 3  # one for each part of the choice
    named = {"order": -1, "dispatch": -1, "workers": -1}
    for number, wish in enumerate(wanted):
        named |= {part: number for part in named if wish.get("reset") or part in wish}
    holding = {f"c{number}" for number in named.values()}
    for entry in controls.log:
        assert not (entry.state == "replaced" and entry.id in holding)
        assert not (entry.state == "waiting" and entry.id not in holding)
    assert [entry.id for entry in controls.log] == [f"c{n}" for n in range(len(wanted))][-20:]
