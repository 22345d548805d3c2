"""Benchmarks that set each part beside its peers in one run."""
