"""The costs of reading, serving and refreshing, each compared with a familiar baseline.

`python -m benchmarks` measures all of them; `python -m benchmarks --help` shows the options.
"""
