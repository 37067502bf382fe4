"""From records to the JSON of `app.schemas`: each context is encoded once, not validated.

A pydantic response model would cost more than reading the engine (see
benchmarks/). The tests prove that what comes out here is what the schemas say.
"""
