"""Side-by-side measurements of the service and of the servers that do the same job.

``python -m benchmarks run`` measures; ``table`` and ``plot`` show the newest result. ``README.md`` in
this folder describes the method.
"""
