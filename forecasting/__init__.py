"""Pure functions for what SQL says badly: chains, fits, draws.

They take and return plain data (numbers, texts, arrays) and know neither dbt nor a store; thin dbt Python models call
them. What a query says well stays in `dbt/models/`.
"""
