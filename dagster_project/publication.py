"""Report and release as assets: rendered from the passed candidate, sealed, pointed at, old ones retained.

What belongs here: the order of publishing. What does not: how a release is sealed or a report rendered (publishing/).
"""

from collections.abc import Iterator

import dagster as dg

from dagster_project import failures, transformation
from dagster_project.progress import say
from dagster_project.resources import RELEASE, Warehouse


def build_assets() -> dg.AssetsDefinition:
    """Depends on every mart, and through their blocking checks on the gate's verdict."""

    @dg.multi_asset(
        name="publish",
        specs=[
            dg.AssetSpec(["publish", "report"], deps=transformation.marts(), group_name="publish", kinds={"html"}),
            dg.AssetSpec(RELEASE, deps=[["publish", "report"]], group_name="publish", kinds={"duckdb"}),
        ],
    )
    def publish(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
        from publishing import release

        with failures.told():
            published = release.publish(
                warehouse.home, warehouse.settings, run_id=context.run.run_id, written=warehouse.written()
            )
        live = release.require_live(warehouse.home).id
        say(f"release: {published.id} is " + ("live" if live == published.id else f"sealed; {live} stays live"))
        report = published.folder / "report.html"
        yield dg.MaterializeResult(asset_key=["publish", "report"], metadata={"path": dg.MetadataValue.path(report)})
        yield dg.MaterializeResult(
            asset_key=RELEASE,
            metadata={"release": published.id, "path": dg.MetadataValue.path(published.folder)},
        )

    return publish
