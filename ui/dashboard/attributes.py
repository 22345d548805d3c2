"""Names of HTML attributes that are no Python names."""

from typing import Any

# An en dash, where there is no value (yet).
NO_VALUE = "\u2013"


def attributes(**values: str) -> dict[str, Any]:
    """Spell ``aria_live="polite"`` as the page needs it: ``{"aria-live": "polite"}``.

    Dash types its keyword arguments one by one, so these go in as ``**attributes(...)``.
    """
    return {name.replace("_", "-"): value for name, value in values.items()}
