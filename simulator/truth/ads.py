"""What was spent, and what came of it."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.deals import Deals
from simulator.truth.log import PAID, PLATFORM, absent, quotient, rounded, table

MARGIN = Decimal("0.72")  # what the company says of itself


class Ads(Deals):
    """Campaigns."""

    @cached_property
    def dim_campaigns(self) -> pd.DataFrame:
        """One row per campaign that has begun, and one for what belongs to none."""
        rows = self.company.campaigns
        rows = rows.loc[rows["start_date"] <= pd.Timestamp(self.moment.as_of)]
        accounts = self.company.ad_accounts.set_index("customer_id")
        days = self.fct_ad_performance_daily.groupby("campaign_id")["date_day"].agg(["min", "max"])
        begun = pd.DataFrame(
            {
                "campaign_key": PLATFORM + ":" + rows["campaign_id"],
                "platform": PLATFORM,
                "ad_account_id": rows["customer_id"],
                "campaign_id": rows["campaign_id"],
                "campaign_name": rows["name"],
                "channel_type": rows["channel_type"],
                "channel": rows["true_channel"],
                "status": rows["status"],
                "currency": [accounts.loc[i, "currency"] for i in rows["customer_id"]],
                "first_day": [days["min"].get(i) for i in rows["campaign_id"]],
                "last_day": [days["max"].get(i) for i in rows["campaign_id"]],
            }
        )
        none = dict.fromkeys(begun.columns)
        none |= dict.fromkeys(["campaign_key", "platform", "campaign_id", "channel"], "unattributed")
        none["campaign_name"] = "Unattributed"
        return pd.concat([begun.astype(object), pd.DataFrame([none], dtype=object)], ignore_index=True)

    @cached_property
    def fct_ad_performance_daily(self) -> pd.DataFrame:
        """One row per ad group and day of its account, as reported at `now`."""
        rows = self.company.ad_days
        rows = rows.loc[(rows["date"] <= pd.Timestamp(self.moment.as_of)) & (rows["impressions"] > 0)]
        accounts = self.company.ad_accounts.set_index("customer_id")
        today = {i: self._account_day(str(zone)) for i, zone in accounts["time_zone"].items()}
        channel = dict(zip(self.company.campaigns["campaign_id"], self.company.campaigns["true_channel"], strict=True))
        names = dict(zip(self.company.ad_groups["ad_group_id"], self.company.ad_groups["name"], strict=True))
        records = []
        for row in rows.to_dict("records"):
            day, customer = row["date"].date(), row["customer_id"]
            currency = str(accounts.loc[customer, "currency"])
            part = min(1.0, ((today[customer] - day).days + 1) / row["restate_days"])
            spend = Decimal(int(row["cost_micros"])) / Decimal(1_000_000)
            records.append(
                {
                    "campaign_key": f"{PLATFORM}:{row['campaign_id']}",
                    "platform": PLATFORM,
                    "ad_account_id": customer,
                    "campaign_id": row["campaign_id"],
                    "ad_group_id": row["ad_group_id"],
                    "ad_group_name": names[row["ad_group_id"]],
                    "channel": channel[row["campaign_id"]],
                    "currency": currency,
                    "impressions": row["impressions"],
                    "clicks": row["clicks"],
                    "spend": rounded(spend, 6),
                    "spend_reporting": rounded(spend * self.rate(currency, day), 6),
                    "conversions_claimed": round(row["conversions"] * part, 2),
                    "conversion_value_claimed": round(row["conversions_value"] * part, 2),
                    "date_day": day,
                }
            )
        return table(records, "campaign_key campaign_id channel spend_reporting date_day")

    def _account_day(self, zone: str) -> date:
        return self.moment.now.tz_localize("UTC").tz_convert(ZoneInfo(zone)).date()

    @cached_property
    def fct_campaign_roi_monthly(self) -> pd.DataFrame:
        """One row per campaign and month with spend or leads; leads of no campaign stand in a row per paid channel.

        What was spent on a channel is unknown before the first of its ads that is read.
        """
        zero = Decimal(0)
        spend: dict[tuple[str, str, date | None], Decimal] = {}
        days = self.fct_ad_performance_daily
        for key, channel, day, money in zip(
            days["campaign_key"], days["channel"], days["date_day"], days["spend_reporting"], strict=True
        ):
            cell = (key, channel, day.replace(day=1))
            spend[cell] = spend.get(cell, zero) + money
        leads = self.fct_leads
        leads = leads.loc[~leads["is_excluded"] & leads["channel"].isin(list(PAID))]
        known = set(self.dim_campaigns["campaign_key"])
        brought: dict[tuple[str, str, date | None], list[dict[Hashable, Any]]] = {}
        for row in leads.to_dict("records"):
            campaign = row["campaign_key"] if row["campaign_key"] in known else "unattributed"
            month = None if absent(row["created_date"]) else row["created_date"].replace(day=1)
            brought.setdefault((campaign, row["channel"], month), []).append(row)
        covered: dict[str, date] = {}
        for _, channel, month in spend:
            if month is not None:
                covered[channel] = min(month, covered.get(channel, month))
        names = dict(zip(self.dim_campaigns["campaign_key"], self.dim_campaigns["campaign_name"], strict=True))
        records = []
        for cell in spend.keys() | brought.keys():
            key, channel, month = cell
            rows = brought.get(cell, [])
            unspent = zero if month is not None and month >= covered.get(channel, date.max) else None
            cost = spend.get(cell, unspent)
            count = {name: sum(bool(row[f"is_{name}"]) for row in rows) for name in ("mql", "sql_lead", "opportunity")}
            wins = sum(row["won_deals_count"] for row in rows)
            customers = sum(row["won_deals_count"] > 0 for row in rows)
            amount = sum((row["won_amount_reporting"] for row in rows), zero)
            back = self._paid_back(cost, {row["lead_key"] for row in rows})
            records.append(
                {
                    "campaign_key": key,
                    "channel": channel,
                    "campaign_name": names.get(key),
                    "month_start": month,
                    "spend_reporting": cost,
                    "leads": len(rows),
                    "mqls": count["mql"],
                    "sql_leads": count["sql_lead"],
                    "opportunities": count["opportunity"],
                    "won_deals": wins,
                    "won_deals_without_amount": sum(row["won_deals_without_amount"] for row in rows),
                    "won_amount_reporting": amount,
                    "cost_per_lead": None if cost is None else quotient(cost, len(rows)),
                    "cost_per_mql": None if cost is None else quotient(cost, count["mql"]),
                    "cost_per_sql_lead": None if cost is None else quotient(cost, count["sql_lead"]),
                    "media_cac": None if cost is None else quotient(cost, customers),
                    "roas": amount / cost if cost else None,
                    "gross_margin_reporting": rounded(amount * MARGIN, 2),
                    "payback_ratio": amount * MARGIN / cost if cost else None,
                    "payback_months": back and month and 12 * (back.year - month.year) + back.month - month.month,
                    "paid_back_on": back,
                }
            )
        return pd.DataFrame.from_records(records)

    @cached_property
    def _wins_of_leads(self) -> dict[str, list[tuple[date, Decimal]]]:
        """lead -> close day and amount of its won deals."""
        deals = self.fct_deals
        found: dict[str, list[tuple[date, Decimal]]] = {}
        for deal in deals.loc[~deals["is_excluded"] & (deals["status"] == "won")].to_dict("records"):
            if not absent(deal["lead_key"]) and deal["close_day"] <= self.moment.as_of:
                money = Decimal(0) if absent(deal["amount_reporting"]) else deal["amount_reporting"]
                found.setdefault(deal["lead_key"], []).append((deal["close_day"], money))
        return found

    def _paid_back(self, cost: Decimal | None, leads: set[str]) -> date | None:
        """The first day by whose end the margin of the leads' wins has reached the cost."""
        wins = [win for lead in leads for win in self._wins_of_leads.get(lead, [])]
        for day in sorted({day for day, _ in wins}) if cost else []:
            if cost and MARGIN * sum(money for won_on, money in wins if won_on <= day) >= cost:
                return day
        return None


COMPARISONS = [
    Comparison(
        "dim_campaigns", ("campaign_key",),
        measures(
            text="platform ad_account_id campaign_id campaign_name channel_type channel status currency",
            day="first_day last_day",
        ),
    ),
    Comparison(
        "fct_ad_performance_daily", ("platform", "ad_account_id", "campaign_id", "ad_group_id", "date_day"),
        measures(
            text="campaign_key ad_group_name channel currency", count="impressions clicks",
            number="spend spend_reporting conversions_claimed conversion_value_claimed",
        ),
    ),
    Comparison(
        "fct_campaign_roi_monthly", ("campaign_key", "channel", "month_start"),
        measures(
            count="leads mqls sql_leads opportunities won_deals won_deals_without_amount payback_months",
            money="won_amount_reporting gross_margin_reporting",
            number="spend_reporting cost_per_lead cost_per_mql cost_per_sql_lead media_cac roas payback_ratio",
            day="paid_back_on",
        ),
    ),
]  # fmt: skip
