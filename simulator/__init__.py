"""A company that never existed, its vendors' interfaces and the truth beside it. Imports nothing from the product."""
