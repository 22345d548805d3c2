"""What this machine has and lacks for each part, with the remedy."""

import contextlib
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

from cluster.service_place import services_folder
from optimize.engines.catalogue import HOSTED
from silverbullet.opening import open_store, store_place
from silverbullet.own_services import examine_service
from silverbullet.settings import Settings
from stats.compiled import cache_folder
from storage.protocol import StoreError


class Finding(NamedTuple):
    """One part: whether it is fit, and what there is to say."""

    part: str
    ok: bool
    says: str


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", True, found)
    return Finding("python", False, f"{found}: 3.11 to 3.13 is needed; make clean setup PYTHON=...")


def _machine() -> Finding:
    free_gib = psutil.virtual_memory().available / 2**30
    says = f"{os.cpu_count()} processors, {free_gib:.1f} GiB of memory free"
    # Ray's own processes take about 0.55 GiB, the four of the demo about 0.6 GiB.
    if free_gib < 1.5:
        return Finding("machine", False, f"{says}: 1.5 GiB is needed; --engine local needs 0.8")
    return Finding("machine", True, says)


def _kernels() -> Finding:
    folder = cache_folder()
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        # Tried, not asked for: only so do a full disk and a file in a folder's place show.
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        says = f"{folder} cannot keep compiled kernels: {error.strerror}"
        return Finding("kernels", False, f"{says}; set SILVERBULLET_CACHE to one that is writable")
    count = sum(1 for _ in folder.rglob("*.nbi")) if folder.is_dir() else 0
    if count:
        return Finding("kernels", True, f"{count} compiled in {folder}")
    return Finding(
        "kernels", False, "not compiled yet, the first start takes longer: run `silverbullet warm`"
    )


def _engine(name: str) -> Finding:
    missing = HOSTED[name].missing()
    if missing:
        return Finding(name, False, f"{missing}; or leave it out of engine.order")
    return Finding(name, True, f"{name} can be started here")


def _broker(bootstrap: str) -> Finding:
    if not bootstrap:
        return Finding("kafka", True, "embedded: `silverbullet demo` brings its own broker")
    host, _, port = bootstrap.partition(",")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except (OSError, ValueError) as error:
        return Finding("kafka", False, f"{bootstrap}: {error}; start it or set kafka.bootstrap")
    return Finding("kafka", True, f"{bootstrap} answers")


def _own_services(settings: Settings) -> list[Finding]:
    """Say of Kafka and Cassandra whether `services up` could start them."""
    used = {
        "kafka": bool(settings.kafka.bootstrap),
        "cassandra": settings.storage.backend == "cassandra",
    }
    return [
        Finding(f"own {name}", *examine_service(name))
        for name, elsewhere in used.items()
        if not elsewhere or (services_folder() / name).exists()
    ]


def _cassandra(settings: Settings) -> Finding:
    try:
        with contextlib.closing(open_store(settings, read_only=True)) as store:
            store.statuses(settings.decide.portfolio)
    except StoreError as error:
        return Finding("store", False, str(error))
    return Finding("store", True, f"{store_place(settings)}, answers")


def _store(path: Path) -> Finding:
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK):
        return Finding("store", False, f"{folder} is not writable; set storage.path")
    free_gib = shutil.disk_usage(folder).free / 2**30
    if free_gib < 0.5:
        return Finding("store", False, f"{folder} has {free_gib:.2f} GiB free: 0.5 is needed")
    return Finding("store", True, f"{path} ({free_gib:.0f} GiB free)")


def _page(host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return Finding("page", False, f"port {port} on {host} is taken; pass --port")
    return Finding("page", True, f"http://{host}:{port} is free")


def examine(settings: Settings) -> list[Finding]:
    """Look at each part that the settings use.

    Returns
    -------
    list of Finding
        In the order of the way of the data.
    """
    findings = [_python(), _machine(), _kernels(), _broker(settings.kafka.bootstrap)]
    findings += [_engine(name) for name in settings.engine.order if name in HOSTED]
    findings += _own_services(settings)
    if settings.storage.backend == "cassandra":
        findings.append(_cassandra(settings))
    else:
        findings.append(_store(Path(settings.storage.path)))
    findings.append(_page(settings.serve.host, settings.serve.port))
    return findings
