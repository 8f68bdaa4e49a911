"""The gate as asset checks: one blocking check per suite, on the mart whose readers it guards.

What belongs here: running `expectations` once and showing its verdict. What does not: any expectation.
"""

from collections.abc import Iterator

import dagster as dg

from configuration.errors import GateFailed
from dagster_project import failures
from dagster_project.progress import say
from dagster_project.resources import Warehouse
from expectations import runner
from publishing import release
from warehouse import stores


def build_checks() -> dg.AssetChecksDefinition:
    """One check per suite; a failed one keeps the report and the release of this run from being made."""

    guarded = {name: module.MART for name, module in runner.discover().items()}

    @dg.multi_asset_check(
        name="gate",
        specs=[
            dg.AssetCheckSpec(name=f"gate_{suite}", asset=dg.AssetKey(["marts", mart]), blocking=True)
            for suite, mart in guarded.items()
        ],
    )
    def gate(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
        verdict = judge(warehouse)
        for suite, mart in guarded.items():
            checks = [check for check in verdict.checks if check.suite == suite]
            failed = [check for check in checks if not check.passed]
            blocking = [check for check in failed if check.severity == "block"]
            yield dg.AssetCheckResult(
                asset_key=dg.AssetKey(["marts", mart]),
                check_name=f"gate_{suite}",
                passed=bool(checks) and not failed,
                severity=dg.AssetCheckSeverity.ERROR if blocking or not checks else dg.AssetCheckSeverity.WARN,
                metadata={
                    "checks": len(checks),
                    "failed": [check.check for check in failed],
                    "samples": dg.MetadataValue.json({check.check: check.sample_rows for check in failed}),
                },
            )

    return gate


def judge(warehouse: Warehouse) -> runner.Verdict:
    """Runs all suites on the candidate and keeps the verdict, passed or not."""
    home = warehouse.home
    live = release.live(home)
    verdict = runner.run(
        home.candidate,
        live=live.folder if live else None,
        settings=warehouse.settings,
        context=stores.read_context(home),
    )
    written = runner.write(home, verdict)
    failed = [check for check in verdict.checks if not check.passed]
    warned = len(failed) - len(verdict.broken)
    outcome = "passed" if verdict.passed else f"BLOCKED by {len(verdict.broken)}"
    say(f"gate: {len(verdict.checks)} checks, {warned} warnings, {outcome}")
    try:
        runner.require(verdict, written)
    except GateFailed as exc:
        # The checks stop the run asset by asset; the terminal gets the whole in one line.
        failures.remember(exc)
    return verdict
