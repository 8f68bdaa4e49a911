"""The gate: what a reader is promised, as suites run on the candidate. It reads; it never changes a mart."""
