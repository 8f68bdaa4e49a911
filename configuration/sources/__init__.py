"""What a company sets of each source: a module per source, named as its section of `sources` in saleshouse.yml.

What belongs here: the sections, each found by its file. What does not: exported files, whose mappings are checked
against the canonical entities (configuration/model.py), and how a source is read (ingestion/).

A module declares `SECTION`, a `Section` with `enabled: bool = False` and a default for everything else.
"""

import importlib
import pkgutil

from configuration.kinds import Section


def sections() -> dict[str, type[Section]]:
    """The section of every source by its name."""
    return {
        module.name: importlib.import_module(f"{__name__}.{module.name}").SECTION
        for module in pkgutil.iter_modules(__path__)
    }
