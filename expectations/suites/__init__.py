"""One module per mart: `MART`, the table it guards, and `expectations(context)`, what its readers are promised.

A promise that only the making of a mart can break (relations, unit rules) stands with its model instead.
"""
