import resource

import numpy as np

from bench.kept_memory import kept_memory

SIZE = 8_000_000  # 64 MB, 16 000 pages


def faults_of_an_array() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(SIZE)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_an_array_made_anew_finds_the_pages_of_the_one_before():
    with kept_memory() as keeps:
        faults_of_an_array()
        kept = faults_of_an_array()
    faults_of_an_array()
    after = faults_of_an_array()
    if keeps:  # glibc's
        assert kept < 100
    # Afterwards pages come one by one again, or 2 MB at a time.
    assert after >= SIZE * 8 // 2**21
