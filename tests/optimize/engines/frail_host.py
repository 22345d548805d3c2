"""A host whose worker, a process of its own or itself, goes with a process below: as with a JVM.

Neither says a word of it: the connections close, and that is all that anybody hears.
"""

import os
import subprocess
import sys
import threading
import time

from optimize.engines import messages
from optimize.engines.fingerprint import fingerprint, load_evaluate
from optimize.engines.peer_link import PeerLink
from optimize.engines.resident import serve

HEART = "sleep"
WORKER = "tests.optimize.engines.frail_host"


def end_with(pipe: int) -> None:
    """End when nobody holds the other end of a pipe any more."""

    def wait() -> None:
        os.read(pipe, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Be a host, or (with the word ``worker``) what it places."""
    if sys.argv[1] == "worker":
        end_with(int(sys.argv[2]))
        serve(sys.argv[3], f"worker-{os.getpid()}", sys.argv[4])
        return
    options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
    endpoint, evaluate = options["endpoint"], options["evaluate"]
    ours, theirs = os.pipe()
    subprocess.Popen([HEART, "600"], pass_fds=(theirs,))
    os.close(theirs)
    link = PeerLink(endpoint, clock=time.monotonic_ns)
    link.start()
    if options["dispatch"] == "resident":
        link.say(messages.Hello("host", "", 0))
        argv = [sys.executable, "-P", "-m", WORKER, "worker", str(ours), endpoint, evaluate]
        subprocess.Popen(argv, pass_fds=(ours,))
    else:
        end_with(ours)
        link.say(messages.Hello("host", fingerprint(load_evaluate(evaluate)), 1))
    while not any(isinstance(said, messages.Stop) for said in link.receive(1.0)):
        pass


if __name__ == "__main__":
    main()
