"""What runs of the pipeline and its peers took, stage by stage, as rows of a report. Pure."""

from collections.abc import Sequence

import numpy as np

from bench.case_names import stage_case
from bench.pipeline.attribution import OWN_PART, SPANS, STAGES, Latencies
from bench.pipeline.session import Played
from bench.rows import OURS, Row, make_row
from stats.compiled import FloatArray

Key = tuple[str, str]
"""A contender: its subject and its method."""
Run = dict[Key, tuple[Played, Latencies]]


def make_rows(case: str, method: str, runs: Sequence[Run]) -> list[Row]:
    """Give the rows of a case: each stage, then what each contender has sent.

    The relay decides nothing: it stands beside every method, measured once.
    """
    keys = sorted(
        (key for key in runs[0] if key[1] in (method, "")), key=lambda key: key[0] != OURS
    )
    rows = [
        _row_of_stage(case, stage, key[0], [run[key][1].stages[stage] for run in runs])
        for stage in (*STAGES, *SPANS)
        for key in keys
        if stage in runs[0][key][1].stages
    ]
    for key in keys:
        sent = [run[key][0] for run in runs]
        counts = [[len(one.message_bytes) / one.seconds] for one in sent]
        rows.append(make_row(stage_case(case, "messages out"), key[0], "a second", counts))
    for key in keys:
        sizes = [run[key][0].message_bytes.astype(np.float64) for run in runs]
        rows.append(make_row(stage_case(case, "size of a message out"), key[0], "bytes", sizes))
    return rows


def _row_of_stage(case: str, stage: str, subject: str, samples: Sequence[FloatArray]) -> Row:
    """Give a stage's row; the whole has a histogram for all, our own part has one."""
    is_drawn = stage == "total" or (stage == OWN_PART and subject == OURS)
    # By logarithm: a clock that was set back between two stamps gives a time below 0.
    drawable = min(float(one.min()) for one in samples) > 0.0
    return make_row(
        stage_case(case, stage), subject, "us", samples, with_histogram=is_drawn and drawable
    )
