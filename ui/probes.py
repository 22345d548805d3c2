"""Whether the process lives and whether it has something true to show."""

from apiflask import APIBlueprint
from flask import Response

from ui.answers import answers, fresh
from ui.context import RECORD_REMEDY, context
from ui.problems import ProblemError, problem_answers
from ui.schemas import Alive, Ready

probes = APIBlueprint("probes", __name__, tag="Probes")
# Ten times the second between two status records.
STATUS_MAX_AGE_S = 10.0


@probes.get("/healthz")
@probes.doc(responses=answers("Alive", "The process answers."))
def healthz() -> Response:
    """Tell that the process is alive; reads nothing."""
    return fresh(Alive(status="alive"))


@probes.get("/readyz")
@probes.doc(responses={**answers("Ready", "Ready."), **problem_answers(503)})
def readyz() -> Response:
    """Tell whether the store is readable and its newest status at most 10 s old."""
    here = context()
    found = here.store.statuses(here.portfolio, 1)
    if not found:
        raise ProblemError(
            503, f"not ready: no status of portfolio {here.portfolio} is recorded", RECORD_REMEDY
        )
    age_s = (here.now_ns() - found[0].time_ns) / 1e9
    if age_s > STATUS_MAX_AGE_S:
        raise ProblemError(
            503,
            f"not ready: the newest status is {age_s:.1f} s old, at most {STATUS_MAX_AGE_S:.0f} s "
            "is fresh",
            "see that `silverbullet run`, `silverbullet record` and the broker are up, and what "
            "`record` says: with its disk full nothing is stored",
        )
    return fresh(Ready(status="ready", age_s=age_s))
