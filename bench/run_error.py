"""What ends a measurement that gave no figures."""


class RunError(RuntimeError):
    """A run gave no figures; the message says why."""
