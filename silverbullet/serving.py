"""The inside of `serve`. It loads no kernel: that takes 1.5 s of the processor."""

import functools
import sys

import click

from silverbullet.broker_access import broker_access
from silverbullet.control_sender import ControlSender
from silverbullet.opening import open_store, told
from silverbullet.options import Refused
from silverbullet.part_process import log_to_stderr
from silverbullet.settings import Settings
from storage.protocol import StoreError
from ui.server import BindError, PortTakenError, serve


def run_serve(settings: Settings) -> None:
    """Serve the dashboard and the API until a signal."""
    log_to_stderr()
    kafka = settings.kafka
    try:
        code = serve(
            functools.partial(open_store, settings, read_only=True),
            settings.serve.host,
            settings.serve.port,
            settings.serve.streams,
            portfolio=settings.decide.portfolio,
            tokens=settings.serve.tokens_path,
            reads_need_token=settings.serve.reads_need_token,
            host_names=settings.serve.host_names,
            requests_per_s=settings.serve.requests_per_s,
            send_control=ControlSender(broker_access(kafka), kafka.control_topic)
            if kafka.bootstrap
            else None,
            on_ready=lambda address: click.echo(f"serving {address}"),
        )
    except (BindError, PortTakenError) as error:
        raise Refused(str(error)) from None
    except StoreError as error:
        raise told(error) from None
    sys.exit(code)
