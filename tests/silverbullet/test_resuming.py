import pytest

from ingest.rejection import Rejection
from optimize.decision import encode_decision
from silverbullet.options import Refused
from silverbullet.refusals import Refusals
from silverbullet.resuming import resume
from silverbullet.settings import load_settings
from tests.factories import make_decision
from tests.silverbullet.scripted_shell import KeptMessages


class Topics:
    """A consumer that knows the newest messages."""

    def __init__(self, payloads=()):
        self.payloads = list(payloads)

    def last(self, topic, n):
        return self.payloads[-n:]


def settings_of(**window):
    return load_settings(flags={"window": window})


def test_it_goes_on_after_the_newest_decision_of_its_portfolio():
    mine = [make_decision(row=row, sample_interval_ns=10**9) for row in (5, 6)]
    other = make_decision(row=9, portfolio="other", sample_interval_ns=10**9)
    topics = Topics([encode_decision(decision) for decision in (*mine, other)])
    assert resume(settings_of(sample_interval_s=1), topics).row == 6


def test_rows_of_another_length_are_refused_with_both_lengths_and_the_remedy():
    decision = make_decision(row=5, sample_interval_ns=10**9)
    topics = Topics([encode_decision(decision)])
    with pytest.raises(Refused, match=r"rows of 1 s, not 2 s.*decide\.portfolio"):
        resume(settings_of(sample_interval_s=2), topics)


def test_decisions_of_another_version_are_passed_over():
    assert resume(settings_of(), Topics([b'{"id": "x"}'])) is None


def test_what_an_earlier_run_refused_is_not_sent_again(caplog):
    sent = KeptMessages()
    refusals = Refusals(sent, "ticks.rejected", {"0": 7})
    rows = [
        Rejection("ticks", 0, offset, 0, "price", f"price=-1.0 at {offset}", b"{}")
        for offset in (6, 7, 8, 9)
    ]
    refusals.take(rows)
    assert len(sent.of("ticks.rejected")) == 2
    refusals.say()
    refusals.say()
    assert [record.getMessage() for record in caplog.records] == [
        "2 refused, the last: price=-1.0 at 9"
    ]
