"""Benchmarks: direct, pgbouncer, a bare relay and the gateway, interleaved in one run. `python -m bench --help`."""
