"""What the tests of messages share: how to make them, and a broker."""

from collections.abc import Iterator

import pytest

from ingest.broker import EmbeddedBroker


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running
