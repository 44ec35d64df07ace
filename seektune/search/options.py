"""Which searches there are, and what a study file may say about each. Imports no search library."""

from __future__ import annotations

from pydantic import Field

from seektune.options import Entry, Options, Registry


class GridOptions(Options):
    """Every combination once."""

    points: int = Field(default=3, ge=1, le=1000)
    """Values of a range that has no step."""
    shuffle: bool = True
    """In an order drawn from the seed, so that a grid cut short by the budget is still a fair sample."""


class RandomOptions(Options):
    """Independent draws from the priors."""


class TpeOptions(Options):
    """Tree-structured Parzen estimator (multivariate)."""

    startup: int = Field(default=10, ge=1)
    """Random draws until so many trials have a value."""
    candidates: int = Field(default=24, ge=1, le=10_000)
    """Draws from the good density, of which the best is proposed."""
    history: int = Field(default=500, ge=20)
    """Most trials that are looked at."""


SEARCHES: Registry = {
    "grid": Entry(GridOptions, "seektune.search.grid:Grid"),
    "random": Entry(RandomOptions, "seektune.search.random:Random"),
    "tpe": Entry(TpeOptions, "seektune.search.tpe:Tpe"),
}
