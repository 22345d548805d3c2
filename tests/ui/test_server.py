"""The real process: streams to several clients, limits, refusals, and its end."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from optimize.decision import Decision
from storage.protocol import StoreError
from tests.factories import FIRST_ROW, make_decision, make_status
from tests.ui.serving import STREAMS, WAIT_S, Client, Server, reader_of, until
from ui.server import BindError, PortTakenError, serve


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests that leave it as it is; each records a portfolio of its own."""
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    made.close()


@pytest.fixture
def server(shared: Server) -> Server:
    shared.until_streams(0)
    return shared


def tape(portfolio: str, n: int = 100) -> list[Decision]:
    return [make_decision(FIRST_ROW + index, 2, portfolio=portfolio) for index in range(n)]


def numbers(decisions: list[dict]) -> list[int]:
    return [decision["row"] - FIRST_ROW for decision in decisions]


def test_several_clients_are_pushed_the_same(server: Server) -> None:
    decisions = tape("several")
    server.store.append(decisions[:2], [make_status(portfolio="several")])
    clients = [Client(server, "several") for _ in range(STREAMS)]
    for client in clients:
        assert numbers(client.decisions(1)) == [1]
    for index in range(2, 20):
        server.store.append(decisions[index : index + 1], [])
    for client in clients:
        assert numbers(client.decisions(18)) == list(range(2, 20))
        client.close()


def test_a_client_resumes_where_it_was(server: Server) -> None:
    decisions = tape("resume")
    server.store.append(decisions[:10], [])
    client = Client(server, "resume")
    last = client.decisions(1)[0]
    client.close()
    server.store.append(decisions[10:90], [])  # while it is away
    client = Client(server, "resume", last["id"])
    server.store.append(decisions[90:], [])
    assert numbers(client.decisions(90)) == list(range(10, 100))
    client.close()


def test_streams_beyond_the_limit_get_503_until_one_goes(server: Server) -> None:
    server.store.append(tape("limit", 1), [])
    clients = [Client(server, "limit") for _ in range(STREAMS)]
    for client in clients:
        client.decisions(1)
    status, headers, body = server.get("/api/v1/stream?portfolio=limit")
    assert (status, headers["Content-Type"]) == (503, "application/problem+json")
    assert int(headers["Retry-After"]) > 0
    assert "--streams" in json.loads(body)["remedy"]
    # Everything else is answered while all streams are in use.
    assert server.get("/api/v1/decisions/latest?portfolio=limit")[0] == 200
    clients.pop().close()
    server.until_streams(STREAMS - 1)
    clients.append(Client(server, "limit"))
    assert numbers(clients[-1].decisions(1)) == [0]
    for client in clients:
        client.close()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_soon_with_streams_open(own: Server, signal_number: int) -> None:
    own.store.append(tape("main", 1), [])
    clients = [Client(own, "main") for _ in range(STREAMS)]
    for client in clients:
        client.decisions(1)
    idle = socket.create_connection((own.host, own.port))  # as browsers do for later
    children = own.children()
    assert len(children) == 1
    begun = monotonic()
    own.process.send_signal(signal_number)
    assert own.process.wait(WAIT_S) == 0
    assert monotonic() - begun < 5  # about 0.9 s on an idle machine
    assert not children[0].is_running()
    assert own.process.stderr.read() == ""
    for client in clients:
        client.answer.read()  # the stream was ended, not cut
        client.close()
    idle.close()


def test_the_worker_goes_when_its_master_is_killed(own: Server) -> None:
    own.store.append(tape("main", 1), [])
    client = Client(own, "main")
    client.decisions(1)
    (worker,) = own.children()
    own.process.kill()
    until(lambda: not worker.is_running(), "the worker's end")
    client.close()


def test_a_taken_port_is_one_clear_error(server: Server) -> None:
    with pytest.raises(PortTakenError, match=f"port {server.port} .* --port") as raised:
        serve(reader_of(server.path), port=server.port)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("host", ["", "no-such-host.invalid", "a b"])
def test_an_address_that_is_none_is_one_clear_error(tmp_path: Path, host: str) -> None:
    with pytest.raises(BindError, match=r"no such address; take 127\.0\.0\.1") as raised:
        serve(reader_of(tmp_path / "store.sqlite"), host, 0)
    assert "\n" not in str(raised.value)


def test_a_store_that_cannot_be_read_is_said_before_serving(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_text("not a database " * 100)
    with pytest.raises(StoreError, match="not a SQLite database"):
        serve(reader_of(path), port=0)


def has_ipv6_loopback() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_it_serves_before_anything_is_recorded(tmp_path: Path) -> None:
    """On the other loopback address where this machine has it."""
    host = "::1" if has_ipv6_loopback() else "127.0.0.1"
    server = Server(tmp_path, host)
    try:
        assert server.url.startswith("http://[::1]:" if host == "::1" else "http://127.0.0.1:")
        assert server.get("/api/v1/decisions/latest")[0] == 404
        assert server.get("/readyz")[0] == 503
        assert json.loads(server.get("/api/v1/decisions")[2]) == {"decisions": [], "next": None}
        client = Client(server, "main")
        server.store.append(tape("main", 2), [])
        assert numbers(client.decisions(2)) == [0, 1]
        client.close()
    finally:
        server.close()


HALVES = (
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 50\r\n\r\n{"token": "',
)


def test_who_sends_half_a_request_is_cut_off_and_holds_nobody_up(server: Server) -> None:
    threads = STREAMS + 8
    slow = [socket.create_connection((server.host, server.port)) for _ in range(threads)]
    for connection, half in zip(slow, HALVES * threads, strict=False):
        connection.sendall(half)
    begun = monotonic()
    assert server.get("/healthz")[0] == 200  # once one of them is cut off
    assert monotonic() - begun < 20
    for connection in slow:
        connection.settimeout(WAIT_S)
        until(lambda each=connection: _has_ended(each), "the end of a half")
        connection.close()


def _has_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(4096) == b""
    except ConnectionResetError:
        return True


def test_a_foreign_host_is_refused_over_http(server: Server) -> None:
    status, headers, _ = server.get("/api/v1/decisions", {"Host": "evil.example"})
    assert (status, headers["Content-Type"]) == (403, "application/problem+json")
    assert server.get("/healthz", {"Host": f"localhost:{server.port}"})[0] == 200


@pytest.mark.curl
def test_curl_works(server: Server) -> None:
    decisions = tape("curl", 3)
    server.store.append(decisions, [])
    command = ["curl", "--silent", "--show-error", "--fail", "--max-time", str(WAIT_S)]
    latest = f"{server.url}/api/v1/decisions/latest?portfolio=curl"
    done = subprocess.run([*command, latest], capture_output=True, check=True)
    assert json.loads(done.stdout)["id"] == decisions[2].id
    events = f"{server.url}/api/v1/stream?portfolio=curl"
    with subprocess.Popen([*command, "--no-buffer", events], stdout=subprocess.PIPE) as stream:
        lines = [stream.stdout.readline() for _ in range(4)]
        stream.terminate()
    assert lines[0] == b"retry: 1000\n"
    assert lines[3] == f"id: {decisions[2].id}\n".encode()
