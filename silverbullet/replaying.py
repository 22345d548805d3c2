"""The shell of ``replay``: reads what Kafka kept of decisions and ticks, tells what came of it."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.broker import BrokerError
from ingest.consumer import TopicConsumer
from optimize.decision import Decision, decode_decision
from optimize.engines.fingerprint import fingerprint
from optimize.evaluate import evaluate_block
from silverbullet.broker_access import broker_access
from silverbullet.options import Refused
from silverbullet.replay import Replay, Verdict
from silverbullet.settings import Settings
from silverbullet.warm import warm_everything
from storage.records import decode_status

_POLL_S = 0.5
_SHOWN = 20  # differences told one by one; the count is of all


def run_replay(
    settings: Settings, start_ns: int | None, end_ns: int | None, *, verify: bool, as_json: bool
) -> int:
    """Make the decisions of a time range again.

    Parameters
    ----------
    start_ns, end_ns
        Bounds of the end of a decision's row, ns UTC, the second exclusive; None: none.
    verify
        Tell what differs, instead of the decisions themselves.

    Returns
    -------
    int
        Exit status: 1 where a decision differs or none could be made again.

    Raises
    ------
    Refused
        There is no broker.
    ClickException
        There is no decision in the range.
    """
    broker_access(settings.kafka)
    try:
        recorded = _recorded(settings, start_ns, end_ns)
        if not recorded:
            raise click.ClickException(
                f"topic {settings.kafka.decisions_topic} has no decision of portfolio "
                f"{settings.decide.portfolio} in this time"
            )
        warm_everything(progress=False)
        counts: Counter[str] = Counter()
        for verdict in _verdicts(settings, recorded):
            counts[verdict.outcome] += 1
            _tell(verdict, counts, verify=verify, as_json=as_json)
        if verify:
            _sum_up(settings, counts, recorded, as_json=as_json)
    except BrokerError as error:
        raise Refused(str(error)) from None
    return 1 if counts["different"] or not counts["equal"] else 0


def _recorded(settings: Settings, start_ns: int | None, end_ns: int | None) -> list[Decision]:
    found: dict[str, Decision] = {}
    low = -1 if start_ns is None else start_ns
    high = 2**63 if end_ns is None else end_ns
    for payload in _all_values(settings, settings.kafka.decisions_topic):
        try:
            decision = decode_decision(payload)
        except msgspec.DecodeError:
            continue  # of another version: the recorder tells of those
        mine = decision.portfolio == settings.decide.portfolio
        if mine and low <= decision.row_end_ns < high:
            found.setdefault(decision.id, decision)
    return sorted(found.values(), key=lambda decision: (decision.row, decision.id))


def _all_values(settings: Settings, topic: str) -> Iterator[bytes]:
    kafka = settings.kafka
    with TopicConsumer(
        broker_access(kafka), [topic], fetch_wait_max_ms=kafka.fetch_wait_max_ms
    ) as consumer:
        while consumer.positions() and not consumer.at_end():
            raw = consumer.poll(_POLL_S)
            yield from raw.values if raw is not None else ()


def _verdicts(settings: Settings, recorded: list[Decision]) -> Iterator[Verdict]:
    kafka = settings.kafka
    with (
        TopicConsumer(
            broker_access(kafka), [kafka.ticks_topic], fetch_wait_max_ms=kafka.fetch_wait_max_ms
        ) as consumer,
        _progress() as progress,
    ):
        bounds = consumer.bounds(kafka.ticks_topic)
        total = sum(high - low for low, high in bounds.values())
        first = sum(low for low, _ in bounds.values())
        partitions = consumer.partitions(kafka.ticks_topic) or (0,)
        replay = Replay(settings, recorded, partitions=partitions, is_cut=first > 0)
        task = progress.add_task("ticks", total=total, made=0, of=len(recorded))
        made = 0
        while not replay.finished and not consumer.at_end():
            raw = consumer.poll(_POLL_S)
            for verdict in replay.take(raw) if raw is not None else ():
                made += 1
                yield verdict
            progress.update(task, completed=sum(consumer.positions().values()) - first, made=made)
        yield from replay.end()


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(),
        TextColumn("{task.completed}/{task.total} messages, {task.fields[made]} of "
                   "{task.fields[of]} decisions"),
        TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _when(decision: Decision) -> str:
    return datetime.fromtimestamp(decision.row_end_ns / 1e9, UTC).isoformat(timespec="milliseconds")


def _tell(verdict: Verdict, counts: Counter[str], *, verify: bool, as_json: bool) -> None:
    recorded = verdict.recorded
    if not verify:
        if verdict.again is None:
            click.echo(f"{recorded.id} {_when(recorded)}: {verdict.difference}", err=True)
        else:
            _print_decision(verdict.again, as_json=as_json)
    elif verdict.outcome != "equal" and counts[verdict.outcome] <= _SHOWN and not as_json:
        click.echo(f"{verdict.outcome}: {recorded.id} {_when(recorded)}: {verdict.difference}")


def _print_decision(decision: Decision, *, as_json: bool) -> None:
    weights = dict(zip(decision.symbols, decision.weights.tolist(), strict=True))
    if as_json:
        said: dict[str, Any] = {
            "id": decision.id, "row_end_ns": decision.row_end_ns, "digest": decision.digest,
            "sharpe": decision.sharpe, "weights": weights,
        }  # fmt: skip
        click.echo(json.dumps(said))
        return
    largest = sorted(weights.items(), key=lambda item: -item[1])[:3]
    held = ", ".join(f"{symbol} {weight:.1%}" for symbol, weight in largest)
    click.echo(f"{decision.id}  {_when(decision)}  {decision.digest[:12]}  {held}")


def _sum_up(
    settings: Settings, counts: Counter[str], recorded: list[Decision], *, as_json: bool
) -> None:
    ours = fingerprint(evaluate_block)
    theirs = _recorded_fingerprints(settings) if counts["different"] else []
    if as_json:
        click.echo(json.dumps({
            "recorded": len(recorded), "equal": counts["equal"],
            "different": counts["different"], "lacking": counts["lacking"],
            "fingerprint": ours, "recorded_fingerprints": theirs,
        }))  # fmt: skip
        return
    click.echo(
        f"{len(recorded)} decisions: {counts['equal']} equal to the bit, "
        f"{counts['different']} different, {counts['lacking']} without all of their ticks"
    )
    if counts["different"]:
        known = ", ".join(theirs) or "not kept"
        click.echo(f"fingerprint here {ours}; of the runs in the topic of status: {known}")


def _recorded_fingerprints(settings: Settings) -> list[str]:
    found = []
    for payload in _all_values(settings, settings.kafka.status_topic):
        try:
            status = decode_status(payload)
        except msgspec.DecodeError:
            continue
        if status.portfolio == settings.decide.portfolio and status.fingerprint not in found:
            found.append(status.fingerprint)
    return found
