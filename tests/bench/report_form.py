"""The form of every benchmark's JSON, as a JSON Schema."""

FORM = {
    "type": "object",
    "additionalProperties": False,
    "required": ["bench", "machine", "versions", "rows"],
    "properties": {
        "bench": {"type": "string"},
        "machine": {"type": "object", "additionalProperties": {"type": "string"}},
        "versions": {"type": "object", "additionalProperties": {"type": "string"}},
        "notes": {"type": "array", "items": {"type": "string"}},
        "rows": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["case", "subject", "unit", "p50", "p99", "max", "runs"],
                "properties": {
                    "case": {"type": "string"},
                    "subject": {"type": "string"},
                    "unit": {"type": "string"},
                    "p50": {"type": "number"},
                    "p99": {"type": "number"},
                    "max": {"type": "number"},
                    "runs": {"type": "array", "items": {"type": "number"}, "minItems": 1},
                    "p99_runs": {"type": "array", "items": {"type": "number"}, "minItems": 1},
                    "histogram": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["edges", "counts"],
                        "properties": {
                            "edges": {"type": "array", "items": {"type": "number"}},
                            "counts": {"type": "array", "items": {"type": "integer"}},
                        },
                    },
                },
            },
        },
    },
}
