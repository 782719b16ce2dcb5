"""Benchmarks: ratios and counts, measured so that a busy machine does not change them."""
