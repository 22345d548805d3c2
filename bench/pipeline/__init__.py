"""From a tick to its decision: contenders, the load they are under, what of it is heard."""
