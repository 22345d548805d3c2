"""What kernels give on a processor that has no fused operations and no AVX2."""

import os
import subprocess
import sys
from typing import Final

_OLD: Final = {"NUMBA_CPU_NAME": "sandybridge", "NUMBA_CPU_FEATURES": "+avx,-fma"}


def compute_on_an_old_processor(module: str) -> bytes:
    """Give what a module's ``compute`` gives, compiled for that processor."""
    code = f"import sys; from {module} import compute; sys.stdout.buffer.write(compute())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | _OLD | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        timeout=300,
    )
    return done.stdout
