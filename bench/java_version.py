"""The Java that servers and Spark run on, for the versions of a result."""

from cluster.java import MissingError, find_java


def describe_java() -> dict[str, str]:
    """Give the version of this machine's Java; nothing where there is none."""
    try:
        return {"java": find_java().version}
    except MissingError:
        return {}
