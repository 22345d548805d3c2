"""The OpenAPI 3.1 document: schemas from the records themselves, units said field by field."""

import functools
import inspect
from typing import Any

import msgspec
import numpy as np
from apiflask import APIFlask

from optimize.decision import Curve
from ui.access import OPEN_PATHS
from ui.problems import problem_answers
from ui.queries import DECISION_ID
from ui.schemas import ANSWERS

_DESCRIPTION = """Portfolio decisions and what they were made from.

Every mean, expected return, volatility and Sharpe ratio is **per sampling interval** (see \
`sample_interval_ns`), never annualised; times are ns since 1970 UTC; NaN is null. Errors are \
problem documents (RFC 9457) with a `remedy`.

Whatever changes something needs a token of scope admin (`silverbullet token create`) and comes \
from the page itself or from a program. Reading is open on this machine's own addresses; a server \
open to other machines asks for a token of scope read or admin on every route but `/healthz`."""

_SECURITY_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `silverbullet token create`, of scope read or admin.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "silverbullet_session_8050",
        "description": "Of a login with the page; the name ends with the port. Changes nothing "
        "without an Origin header of the same origin.",
    },
}

# One sentence a field, wherever it stands: units are part of the contract.
_FIELD_TEXT = {
    "id": "Portfolio, row and input offsets; sorts by row within a portfolio.",
    "decision_id": "Id of the decision these values are from.",
    "row": "Number of the sampling interval since 1970.",
    "row_end_ns": "End of the decision's row, ns UTC.",
    "sample_interval_ns": "Length of a sampling interval, ns; all statistics are per interval.",
    "weight": "Share of the portfolio, 0 to 1.",
    "weights": "Share of each symbol in the portfolio, 0 to 1.",
    "weight_stddev": "Standard deviation of the weight over the posterior draws.",
    "start_weights": "Weights that the optimiser started from.",
    "weight_change": "Weight less the weight before it.",
    "mean": "Sample mean of log returns, per sampling interval.",
    "volatility": "Sample standard deviation of log returns, per sampling interval.",
    "skewness": "Skewness of the returns in the tick window (biased estimator).",
    "estimated_mean": "Means under the estimates that the optimiser used, per sampling interval.",
    "estimated_volatility": "Volatilities under the same estimates, per sampling interval.",
    "kurtosis": "Excess kurtosis of the returns in the tick window (biased estimator).",
    "expected_return": "Under the optimiser's estimates, per sampling interval.",
    "portfolio_volatility": "Under the optimiser's estimates, per sampling interval.",
    "sharpe": "Expected return over volatility, per sampling interval, risk-free rate 0.",
    "sharpe_stddev": "Standard deviation of the Sharpe ratio over the draws, per interval.",
    "optimality_gap": "Shortfall against the exact optimum of the same estimates, as a share.",
    "digest": "SHA-256 (32 hex characters) of inputs, weights and statistics.",
    "price": "Newest price in the row, in the units of the feed.",
    "prices": "Newest price of each symbol in the row, in the units of the feed.",
    "next": "Address of the next page; null on the last.",
    "time_ns": "When the record was made, ns UTC.",
    "age_s": "Age of the status record, seconds.",
}


def _array_schema(kind: type) -> dict[str, Any]:
    if kind is np.ndarray:
        return {"type": "array", "items": {"type": "number"}}
    raise NotImplementedError(f"no schema for {kind.__name__}")


def _describe(schema: Any) -> Any:
    """Let numbers be null (NaN) and say what each known field means."""
    if isinstance(schema, list):
        return [_describe(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    described = {key: _describe(value) for key, value in schema.items()}
    if isinstance(schema.get("description"), str):
        described["description"] = inspect.cleandoc(schema["description"])
    if described.get("type") == "number":
        described["type"] = ["number", "null"]
    for name, field in schema.get("properties", {}).items():
        if name in _FIELD_TEXT and "description" not in field:
            described["properties"][name]["description"] = _FIELD_TEXT[name]
    return described


def components() -> dict[str, Any]:
    """Describe every answer as JSON Schema 2020-12, by name, for OpenAPI 3.1."""
    _, found = msgspec.json.schema_components(
        (*ANSWERS, Curve), schema_hook=_array_schema, ref_template="#/components/schemas/{name}"
    )
    return {name: _describe(schema) for name, schema in found.items()}


def _simplify(parameter: dict[str, Any]) -> None:
    """Say that a parameter may be left out by `required`, not as a null that a URL cannot hold."""
    schema = parameter["schema"]
    for choice in schema.pop("anyOf", ()):
        if choice.get("type") != "null":
            schema.update(choice)
    if schema.get("default", 0) is None:
        del schema["default"]
    parameter["description"] = schema.pop("description")


def _describe_parameter(parameter: dict[str, Any]) -> None:
    parameter["required"] = parameter["in"] == "path"
    if parameter["in"] == "query":
        _simplify(parameter)
    elif parameter["name"] == "decision_id":
        parameter["description"] = _FIELD_TEXT["id"]
        parameter["schema"]["pattern"] = DECISION_ID
    elif parameter["name"] == "symbol":
        parameter["description"] = "As the feed names it; may hold `/`."


def _guard(operation: dict[str, Any], *, optional: bool) -> None:
    """Say that reading takes a token, and whether it goes without."""
    if "security" in operation:
        return
    anyone: list[dict[str, list[str]]] = [{}] if optional else []
    operation["security"] = [*anyone, {"token": []}, {"session": []}]
    for status, answer in problem_answers(401, 429).items():
        operation["responses"].setdefault(str(status), answer)


def _complete(spec: Any, *, guarded: bool) -> Any:
    spec.setdefault("components", {}).setdefault("schemas", {}).update(components())
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            if path not in OPEN_PATHS:
                _guard(operation, optional=not guarded)
            for parameter in operation.get("parameters", ()):
                _describe_parameter(parameter)
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return spec


def install_openapi(app: APIFlask, *, guarded: bool) -> None:
    """Describe the API, and only it: the dashboard's own routes stay out.

    Parameters
    ----------
    guarded
        Whether reading needs a token.
    """
    app.config.update(
        INFO={"description": _DESCRIPTION, "license": {"name": "Apache-2.0"}},
        TAGS=["API", "Probes", "2019 prototype"],
        SECURITY_SCHEMES=_SECURITY_SCHEMES,
        AUTO_SERVERS=False,
        AUTO_200_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_OPERATION_ID=True,
    )
    app.spec_processor(functools.partial(_complete, guarded=guarded))
