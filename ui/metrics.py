"""Prometheus metrics of the decisions recorded and of this server."""

import threading
from collections.abc import Iterator, Mapping

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from optimize.decision import Decision
from storage.protocol import DecisionQuery, StoreError
from storage.records import Status
from ui.context import Context, context
from ui.latency import STAGES
from ui.lookup import in_pieces
from ui.problems import Responses, problem_answers
from ui.rates import Rates

metrics = APIBlueprint("metrics", __name__, tag="Probes")
_EXTENSION = "silverbullet_metrics"
# From a cached kernel's microseconds to a deadline missed by far.
_BUCKETS = (5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10)
# Decisions that one scrape looks at; more than these since the last one are left out.
_SCRAPE_LIMIT = 2000
_ANSWERS: Responses = {
    200: {
        "description": "Prometheus text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    },
    **problem_answers(403, 500),
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _counter(name: str, text: str, values: Mapping[str, float], label: str = "") -> Metric:
    family = CounterMetricFamily(f"silverbullet_{name}", text, labels=[label] if label else [])
    for value_label, value in values.items():
        family.add_metric([value_label] if label else [], value)
    return family


def status_families(status: Status, now_ns: int) -> Iterator[Metric]:
    """Give what a status says; counts are since the start of its ``run``."""
    yield _counter("decisions", "Decisions published", {"": status.decisions})
    yield _counter("decisions_late", "Decisions after deadline", {"": status.decisions_late})
    yield _counter("decisions_conflated", "Skipped for newer", {"": status.decisions_conflated})
    ticks = {
        "used": status.ticks_used,
        "late": status.ticks_late,
        "duplicate": status.ticks_duplicate,
        "rejected": sum(status.rejected.values()),
    }
    yield _counter("ticks", "Ticks by what became of them", ticks, "outcome")
    yield _counter("ticks_rejected", "Ticks refused by reason", status.rejected, "reason")
    yield _counter("lost_offsets", "Messages the broker no longer had", {"": status.lost_offsets})
    gauges = {
        "status_age_seconds": ("Age of the newest status", (now_ns - status.time_ns) / 1e9),
        "run_memory_bytes": ("Memory of the deciding process", status.memory_bytes),
        "run_start_time_seconds": ("When that process started", status.started_ns / 1e9),
        "ticks_per_second": ("Ticks read", status.ticks_per_s),
        "universe_members": (
            "Assets in the universe",
            sum(asset.state == "member" for asset in status.assets),
        ),
    }
    for name, (text, value) in gauges.items():
        yield GaugeMetricFamily(f"silverbullet_{name}", text, value=value)


class StoreMetrics(Collector):
    """Reads the store at each scrape; the decisions since the last one enter the histogram."""

    def __init__(self, here: Context, rates: Rates, registry: CollectorRegistry) -> None:
        self._here = here
        self._rates = rates
        self._last_id = ""
        self._lock = threading.Lock()
        self._stages = Histogram(
            "silverbullet_decision_stage_seconds",
            "Time of a decision's stages",
            ["stage"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def describe(self) -> Iterator[Metric]:
        """Name nothing in advance: registering must not read the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give the newest status, the state of the streams and whether the store answers."""
        here = self._here
        readable = 1
        try:
            for status in here.store.statuses(here.portfolio, 1):
                yield from status_families(status, here.now_ns())
        except StoreError:
            readable = 0
        yield GaugeMetricFamily("silverbullet_store_up", "The store answers", value=readable)
        hub = here.hub
        yield GaugeMetricFamily("silverbullet_streams_open", "Event streams", value=hub.n_open)
        yield GaugeMetricFamily("silverbullet_streams_limit", "Most of them", value=hub.limit)
        yield _counter("http_limited", "Refused as too many", self._rates.refused, "counted_by")
        yield _counter("stream_dropped", "Decisions slow clients missed", {"": hub.n_dropped})

    def observe(self) -> None:
        """Take the decisions since the last scrape into the histogram.

        Raises
        ------
        StoreError
            They cannot be read.
        """
        with self._lock:
            query = DecisionQuery(
                self._here.portfolio,
                after_id=self._last_id or None,
                limit=_SCRAPE_LIMIT if self._last_id else 1,
            )
            newest_id = ""
            for decision in in_pieces(self._here.store, query):
                newest_id = newest_id or decision.id
                self._observe(decision)
            self._last_id = newest_id or self._last_id

    def _observe(self, decision: Decision) -> None:
        for stage, start, end in STAGES:
            span_ns = getattr(decision.times, end) - getattr(decision.times, start)
            self._stages.labels(stage).observe(span_ns / 1e9)


@metrics.get("/metrics")
@metrics.doc(responses=_ANSWERS)
def scrape() -> Response:
    """Give the metrics of decisions, ticks, latency, streams and requests."""
    registry, store_metrics = current_app.extensions[_EXTENSION]
    try:
        store_metrics.observe()
    except StoreError as error:
        # The scrape goes on: silverbullet_store_up says 0.
        current_app.logger.warning("metrics without decisions: %s", error)
    response = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response


def install_metrics(app: APIFlask, rates: Rates) -> None:
    """Count requests and register the collector of the store."""
    with app.app_context():
        here = context()
    registry = CollectorRegistry()
    store_metrics = StoreMetrics(here, rates, registry)
    registry.register(store_metrics)
    requests = Counter(
        "silverbullet_http_requests",
        "Requests answered",
        ["method", "route", "status"],
        registry=registry,
    )

    def count(response: Response) -> Response:
        method = request.method if request.method in _METHODS else "other"
        route = "none" if request.url_rule is None else request.url_rule.rule
        requests.labels(method, route, str(response.status_code)).inc()
        return response

    app.after_request(count)
    app.extensions[_EXTENSION] = (registry, store_metrics)
    app.register_blueprint(metrics)
