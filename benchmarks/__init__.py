"""What reading, serving and refreshing cost, each compared with a familiar baseline.

`python -m benchmarks` measures all; `python -m benchmarks --help` says how.
"""
