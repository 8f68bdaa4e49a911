"""Discovers the sources and lands one of them: a dlt pipeline into the raw lake, then our ledger.

What belongs here: discovery, the pipeline, recovery of what a crash left, the declared empty tables. What does not:
any vendor's dialect (that is each source's folder) and anything that reads the lake (that is the warehouse).

A source is a folder `ingestion/<source>/` whose `__init__.py` declares

    SOURCE: str
        The folder's name; also `raw/<SOURCE>/`, the dlt pipeline and the dlt schema. Lowercase snake_case.
    ENTITIES: dict[str, pa.Schema]
        Entity (table) name -> its declared Arrow schema, lowercase snake_case, all `pa.string()`. Without
        `fetched_at`, `_dlt_load_id`, `_dlt_id`: landing.py adds those three to every entity.
    def enabled(settings: Settings) -> bool
        Whether the company uses the source. `settings` is the whole `saleshouse.yml` model, here and below.
    def resources(settings: Settings, window: Window) -> Mapping[str, Iterable[pa.Table]]
        Entity -> a generator of Arrow tables (or record batches) of exactly the entity's schema, some thousand rows
        each (`tables_of(schema, rows)` gathers dictionaries into such tables). Entities may be left out; an entity
        without rows lands nothing but is readable, since `_declared.parquet` exists. Generators of different
        entities are advanced by different threads; nothing may be fetched before the first `next()`.
    def mapping_hash(settings: Settings) -> str | None          (optional)
        Written to the ledger entry; the files source hashes its declared mappings, others leave it out.

`Window` is what a source knows about the run: `now` (aware UTC; never ask the clock), `start`/`end` (dates of a
backfill, end exclusive, both None in the daily run), `landed_rows` (entity -> rows in the ledger so far), and a memory
that is committed together with the rows: `window.recall(key, default)` and `window.remember(key, value)` (JSON values:
a cursor, `{file name: content hash}`). If the process dies before the rows are safe, the memory is the old one. A
source must not let a backfill move a cursor backwards, and raises a `configuration.errors.SourceError` (or a subclass) in one
line when it cannot read; nothing of that load is landed then.
"""
