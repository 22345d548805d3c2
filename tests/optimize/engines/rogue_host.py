"""A host that comes up as it should and then does what none may."""

import os
import sys
import time

import numpy as np
from msgspec.structs import replace

from optimize.engines import messages
from optimize.engines.fingerprint import fingerprint, load_evaluate
from optimize.engines.peer_link import PeerLink
from optimize.job import BlockResult, DrawJob

DEED = "ROGUE_DEED"


class Rogue:
    """Evaluates as it should; what becomes of the result is its deed's."""

    def __init__(self, deed: str, link: PeerLink, evaluate: str) -> None:
        self._deed, self._link = deed, link
        self._evaluate = load_evaluate(evaluate)
        self._jobs: dict[int, DrawJob] = {}
        self._earlier: list[messages.Result] = []

    def take(self, message: messages.Message) -> bool:
        """Do it; tell whether to go on."""
        match message:
            case messages.Job(job_id, job):
                self._jobs[job_id] = job
            case messages.Blocks(job_id, blocks):
                for block in blocks:
                    self._answer(job_id, self._evaluate(self._jobs[job_id], block))
            case messages.Stop():
                return False
        return True

    def _answer(self, job_id: int, result: BlockResult) -> None:
        match self._deed:
            case "garbage":
                self._link._socket.sendall(b"?!" * 2048)
            case "misshapen":
                self._say(job_id, replace(result, weight_mean=np.ones(3), weight_m2=np.ones(3)))
            case "old":
                for earlier in self._earlier:
                    self._link.say(earlier)
                self._say(job_id, result)
                self._earlier.append(messages.Result(job_id, result, 1000))
            case "twice":
                self._say(job_id, result)
                self._say(job_id, result)
            case "unasked":
                self._say(job_id, replace(result, block=result.block + 100))
                self._say(job_id, result)
            case "nothing":
                return

    def _say(self, job_id: int, result: BlockResult) -> None:
        self._link.say(messages.Result(job_id, result, 1000))


def main() -> None:
    """Serve until told to stop."""
    options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
    link = PeerLink(options["endpoint"], clock=time.monotonic_ns)
    link.start()
    evaluate = options["evaluate"]
    link.say(messages.Hello("rogue", fingerprint(load_evaluate(evaluate)), 2))
    rogue = Rogue(os.environ[DEED], link, evaluate)
    while all(rogue.take(message) for message in link.receive(1.0)):
        pass


if __name__ == "__main__":
    main()
