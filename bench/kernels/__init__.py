"""Each kernel beside its numpy twin and what people use for its job."""
