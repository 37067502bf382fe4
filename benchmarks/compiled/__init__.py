"""An experiment: decoding and encoding of SA contexts as one compiled step.

The C code in `library` walks the engine's memory and writes the same JSON text as the
encoders of `app.resources`, byte for byte. The product does not use it; the benchmark
`compiled` measures what it would gain. See docs/benchmarks.md.
"""
