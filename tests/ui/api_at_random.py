"""Requests made at random from the OpenAPI document, those that it allows and those it forbids.

Each answer is checked against the document: its status, headers, type and schema; that nothing
fails inside the server; that what is forbidden is refused and what is allowed served.
"""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import settings
from schemathesis import Case, openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.ui.guarded import Guarded, bearer, make_guarded
from tests.ui.tape import FailingStore
from ui.server import create_app

ENDLESS = "/api/v1/stream"
# Beside the usual ones 411, which a control without any body gets.
REFUSALS = ["400", "401", "403", "404", "405", "411", "415", "422", "429"]


class Application:
    """The one that a fixture puts here, reached from another address with each request.

    Wrong tokens are tried as well, and after 20 of one address even a right one waits.
    """

    def __init__(self) -> None:
        self.app = create_app(FailingStore(), dashboard=False)
        self._addresses = (f"127.0.{n // 250}.{n % 250 + 1}" for n in range(250 * 250))

    def __call__(self, environ, start_response):
        environ["REMOTE_ADDR"] = next(self._addresses)
        return self.app(environ, start_response)


application = Application()
schema = openapi.from_wsgi(
    "/api/v1/openapi.json",
    application,
    config=SchemathesisConfig.from_dict(
        {"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}
    ),
).exclude(path=ENDLESS)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give a filled application, and in the end see that the requests were of every kind."""
    made = make_guarded(tmp_path_factory.mktemp("schemathesis"), reads_need_token=True)
    answered: Counter[int] = Counter()

    @made.app.after_request
    def count(response):
        answered[response.status_code] += 1
        return response

    application.app = made.app
    yield made
    assert sum(answered.values()) > 300
    assert {200, 202, 401, 404, 405, 422} <= answered.keys(), answered
    assert made.sent, "no control was taken"


def is_under_a_rule(case: Case) -> bool:
    """Tell whether more is asked than a schema says, so that a request it allows may get 422.

    Ids are of the portfolio asked for, times within what ns can count, a control changes something.
    """
    named = {*(case.query or {}), *(case.path_parameters or {})}
    return bool({"after", "before", "decision_id", "start", "end"} & named) or (
        isinstance(case.body, dict) and not any(case.body.values())
    )


@schema.parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
def test_an_operation(case: Case, guarded: Guarded) -> None:
    case.call_and_validate(
        headers=bearer(guarded.admin),
        excluded_checks=[positive_data_acceptance] if is_under_a_rule(case) else [],
    )
