"""Where decisions and status are kept for people to read."""
