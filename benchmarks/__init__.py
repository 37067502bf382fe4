"""What reading, serving and refreshing cost, each beside something that anybody knows.

`python -m benchmarks` measures all; `python -m benchmarks --help` says how.
"""
