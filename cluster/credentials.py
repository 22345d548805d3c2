"""Certificates and passwords of a secure service: made once, in its folder, for its user alone."""

import secrets
import subprocess
import tempfile
from pathlib import Path

from cluster.cluster_state import write_private
from cluster.java import MissingError
from cluster.process import SpawnError
from cluster.service_layout import ServiceLayout

_PASSWORD_BYTES = 24
_LIMIT_S = 60.0
_DAYS = 3650
_NAMES = "DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3"
_REQUEST = """\
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = {name}
[extensions]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{extensions}
"""
_AUTHORITY = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign"
_SERVER = (
    "basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n"
    f"extendedKeyUsage = serverAuth,clientAuth\nsubjectAltName = {_NAMES}"
)


def password(layout: ServiceLayout, user: str) -> str:
    """Give a user's password; make it where there is none."""
    path = layout.password_path(user)
    if not path.exists():
        write_private(path, secrets.token_urlsafe(_PASSWORD_BYTES))
    return path.read_text()


def make_jmx_user(path: Path) -> None:
    """Make a file by which Java knows the user admin of JMX, and `nodetool -pwf` logs in."""
    if not path.exists():
        write_private(path, f"admin {secrets.token_urlsafe(_PASSWORD_BYTES)}\n")


def make_certificates(layout: ServiceLayout) -> None:
    """Make a CA and, signed by it, key and certificate of the servers, unless they are there.

    The CA's key is deleted at once: nobody can sign another certificate.

    Raises
    ------
    MissingError
        There is no openssl.
    SpawnError
        It fails.
    """
    if layout.ca_path.exists() and layout.identity_path.exists():
        return
    with tempfile.TemporaryDirectory(dir=layout.folder, prefix="certificates-") as folder:
        work = Path(folder)
        _request(work, "ca", "silverbullet local CA", _AUTHORITY)
        signed = ("-CA", str(work / "ca.crt"), "-CAkey", str(work / "ca.key"))
        _request(work, "server", "localhost", _SERVER, *signed)
        identity = (work / "server.key").read_text() + (work / "server.crt").read_text()
        write_private(layout.identity_path, identity)
        write_private(layout.ca_path, (work / "ca.crt").read_text())


def _request(work: Path, stem: str, name: str, extensions: str, *options: str) -> None:
    config = work / f"{stem}.cnf"
    config.write_text(_REQUEST.format(name=name, extensions=extensions))
    argv = ["openssl", "req", "-x509", "-config", str(config), "-days", str(_DAYS), "-nodes"]
    argv += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *options]
    argv += ["-keyout", str(work / f"{stem}.key"), "-out", str(work / f"{stem}.crt")]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT_S,
            check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise MissingError("openssl is missing: apt-get install openssl") from None
    if done.returncode != 0:
        raise SpawnError(f"openssl makes no certificate: {done.stderr.strip()[-200:]}")
