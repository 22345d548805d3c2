"""The real parts for a long time, and what grows meanwhile."""
