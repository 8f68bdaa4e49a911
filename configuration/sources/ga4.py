"""What a company sets of GA4 and its export."""

from pydantic import model_validator

from configuration.kinds import Pattern, Section, Zone


class Ga4(Section):
    enabled: bool = False
    path: Pattern | None = None
    property_timezone: Zone = "UTC"

    @model_validator(mode="after")
    def _has_path(self) -> "Ga4":
        if self.enabled and self.path is None:
            raise ValueError("is enabled without path; name the export's files, for example exports/ga4/events_*")
        return self


SECTION = Ga4
