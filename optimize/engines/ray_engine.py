"""The engine `ray`: what the pipeline's side of it differs in. `ray_host` is the other side."""

import importlib.util
import secrets

from optimize.engines.host_kind import HostKind

# Every process of Ray inherits these. Without the first, Ray rewrites 127.0.0.1 to the host's
# address and listens on every interface; the last keeps it from wrapping workers in `uv run`.
_ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


def _environment(address: str) -> dict[str, str]:
    if address != "local":
        return dict(_ENVIRONMENT)
    return {**_ENVIRONMENT, "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _missing() -> str:
    if importlib.util.find_spec("ray") is None:
        return "ray is not installed: run `make setup`"
    return ""


RAY = HostKind(
    "ray", "optimize.engines.ray_host", _environment, _missing,
    {"gcs_server": "Ray's head, gcs_server,", "raylet": "Ray's raylet"},
)  # fmt: skip
