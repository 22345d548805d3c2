"""Why a server has ended, as its log tells it: errors of its end, not those it outlived."""

import pytest

from cluster.server_log import complaint, reason


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("INFO a\nERROR b: c\n\tat d.Exception(e)\nINFO f\n", "ERROR b: c"),
        ("java.net.BindException: Address already in use\n\tat x\n", "java.net.BindException: A"),
        ("Killed\n\n", "Killed"),
        ("", "no word"),
        ("ERROR " + "x" * 1000, "ERROR xxx"),
    ],
)
def test_a_log_is_told_in_one_line(log: str, told: str) -> None:
    found = complaint(log)
    assert found.startswith(told)
    assert len(found) <= 300
    assert "\n" not in found


STARTED = "2026-11-29 11:00:00 INFO KafkaRaftServer: Kafka Server started\n"
STRAY = f"""\
{STARTED}\
2026-11-29 11:00:09 WARN Selector: Unexpected error from /127.0.0.1; closing connection
org.apache.kafka.common.network.InvalidReceiveException: Invalid receive (size = 1195725856)
\tat org.apache.kafka.common.network.NetworkReceive.readFrom(NetworkReceive.java:94)
Caused by: java.io.IOException: no
\t... 6 more
"""
PROTOCOL = "2026-11-29 11:00:09 WARN ExceptionHandlers: Protocol exception with client: x\n"
STARTUP = """\
2026-11-29 11:00:01 ERROR KafkaRaftServer: Exiting Kafka due to fatal exception during startup.
java.lang.RuntimeException: No node.id in /x/meta.properties
\tat kafka.Kafka.main(Kafka.scala)
"""


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (STRAY, "without a word (killed?)"),
        (PROTOCOL, "without a word (killed?)"),
        ("", "without a word (killed?)"),
        (STARTED, "without a word (killed?)"),
        (STARTUP + STARTED, "2026-11-29 11:00:01 java.lang.RuntimeException: No"),
        (STARTUP + "2026-11-29 11:00:20 INFO a: still there\n", "without a word (killed?)"),
        (STARTUP + STRAY, "2026-11-29 11:00:01 java.lang.RuntimeException: No node.id"),
        (STRAY + "Terminating due to java.lang.OutOfMemoryError: Java heap space\n",
         "2026-11-29 11:00:09 Terminating due to java.lang.OutOfMemoryError"),
        (STRAY + "# A fatal error has been detected by the Java Runtime Environment:\n#\n",
         "2026-11-29 11:00:09 # A fatal error has been detected"),
        (STRAY + "Exception (x.ConfigurationException) encountered during startup: y\n",
         "2026-11-29 11:00:09 Exception (x.ConfigurationException) encountered"),
        (STRAY + "2026-11-29 11:01:00 ERROR LogDirs: Shutdown broker: no dirs left\n",
         "2026-11-29 11:01:00 ERROR LogDirs: Shutdown broker"),
        ("2026-11-29 11:00:00 INFO Signals: Terminating process due to signal SIGTERM\n"
         "2026-11-29 11:00:00 INFO KafkaRaftServer: shutting down\n",
         "2026-11-29 11:00:00 INFO Signals: Terminating process due to signal SIGTERM"),
        ("Error: Could not find or load main class kafka.Kafka\n", "Error: Could not find"),
    ],
)  # fmt: skip
def test_a_reason_of_an_end_is_an_error_of_the_end_with_its_time(log: str, told: str) -> None:
    assert reason(log).startswith(told)
