"""Generated companies as the engine's inputs, small enough to be forecast in a moment."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import duckdb
import pytest

from bench.forecast import offer
from forecasting import Forecast, Inputs, Settings, forecast
from forecasting.history import prepare
from simulator.worlds import WORLDS, Company, generate

QUICK = Settings(origins=4, weekly_origins=0, draws=300, past_draws=60)


def company_of(name: str, seed: int = 31, scale: float = 1.0, months: int | None = None) -> Company:
    """A world's company, shortened if asked."""
    world = next(world for world in WORLDS if world.name == name)
    return generate(replace(world, months=months or world.months), seed, scale=scale)


@dataclass
class Offered:
    """A connection with a company's relations."""

    connection: duckdb.DuckDBPyConnection
    company: Company

    def inputs(self, as_of: date | None = None) -> Inputs:
        """The company's inputs, with nothing of what came after the day."""
        return prepare(self.connection, as_of or self.company.last_day, with_activities=True)

    def forecast(self, as_of: date | None = None, settings: Settings = QUICK) -> Forecast:
        """The forecast at the end of a day, of inputs cut there."""
        return forecast(
            self.connection, as_of=as_of or self.company.last_day, inputs=self.inputs(as_of), settings=settings
        )


def offered(company: Company) -> Offered:
    """The company on a connection of its own."""
    connection = duckdb.connect(config={"threads": 1})
    offer(connection, company)
    return Offered(connection, company)


@pytest.fixture(scope="session")
def messy() -> Iterator[Offered]:
    """Two years with reopened, back-dated and forgotten deals and sellers who leave."""
    given = offered(company_of("messy", scale=0.5, months=26))
    yield given
    given.connection.close()


@pytest.fixture(scope="session")
def messy_forecast(messy: Offered) -> Forecast:
    """At its last day, with past ends of months and weeks."""
    return messy.forecast(settings=replace(QUICK, origins=3, weekly_origins=2, weekly_days_left=(14,)))
