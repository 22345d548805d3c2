"""Where blocks of draws are evaluated: behind one protocol, with one answer."""
