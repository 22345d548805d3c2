"""Ticks on their way in: decoding, admission, Kafka and files."""
