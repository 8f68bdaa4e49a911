"""Twelve generated companies of different shape, to judge forecasts on; each is a seed away from another one.

What belongs here: companies' deals with their histories, as tables. What does not: any model of a forecast. A deal here
has a hidden quality and a hidden day of decision; stages, stated dates and amounts are what its seller makes of them,
late and with a bias. Nothing is drawn from a chance per stage and month.
"""

from simulator.worlds.catalogue import WORLDS, World
from simulator.worlds.generate import Company, generate

__all__ = ["WORLDS", "Company", "World", "generate"]
