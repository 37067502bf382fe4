"""An experiment: decoding and encoding of SA contexts as one compiled step.

The C code in `library` walks the engine's memory and writes the JSON text that
the encoders of `app.resources` gives, byte for byte. The product does not use it; the benchmark
`compiled` measures what it would bring. See docs/benchmarks.md.
"""
