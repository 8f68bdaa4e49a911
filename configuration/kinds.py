"""Kinds of values in `saleshouse.yml`, each with what a mistake in it is told as.

What belongs here: what the sections of the file and of each source are written with. What does not: the sections
(model.py, sources/) and reading the file.
"""

import re
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo


def _below_the_file(value: Path, info: ValidationInfo) -> Path:
    """A relative path starts at the folder of saleshouse.yml."""
    folder: Path = (info.context or {}).get("folder", Path.cwd())
    return folder / value.expanduser()


def _pattern_below_the_file(value: str, info: ValidationInfo) -> str:
    if not value.strip():
        raise ValueError("is empty; name a path")
    return str(_below_the_file(Path(value), info))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, LookupError) as exc:
        raise ValueError("is not a time zone; write an IANA name such as Europe/Prague or UTC") from exc
    return value


def _variable_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        # The value is not repeated: it may be the secret itself.
        raise ValueError("takes the name of an environment variable such as HUBSPOT_TOKEN, never the secret itself")
    return value


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise ValueError("is not a currency; write its three capital letters such as EUR")
    return value


def _web_address(value: str) -> str:
    if not re.match(r"https?://[^\s/]+", value):
        raise ValueError("is not an address; it starts with https:// (or http:// on this machine)")
    return value.rstrip("/")


Pattern = Annotated[str, AfterValidator(_pattern_below_the_file)]
FilePath = Annotated[Path, AfterValidator(_below_the_file)]
Zone = Annotated[str, AfterValidator(_zone)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
Currency = Annotated[str, AfterValidator(_currency)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A group of keys: an unknown one is a mistake, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
