"""What deals are made of: products, lines, and what is won and given away of each."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import absent, key_of, quotient, rounded, table, text_of
from simulator.truth.outcomes import Outcomes

BOOKED = ("new_business", "renewal", "upsell")


class Products(Outcomes):
    """Products, and deals line by line."""

    @cached_property
    def dim_products(self) -> pd.DataFrame:
        """One row per product."""
        rows = self.existing(self.company.products, "product", "product_id")
        records = []
        for row in rows.to_dict("records"):
            deleted = self.deleted.get(("product", row["product_id"]))
            records.append(
                {
                    "product_key": key_of(row["product_id"]),
                    "product_id": row["product_id"],
                    "product_name": row["name"],
                    "sku": row["sku"],
                    "billing_frequency": text_of(row["billing_frequency"]) or "one_time",
                    "unit_price": Decimal(str(row["price"])),
                    "is_recurring": text_of(row["billing_frequency"]) is not None,
                    "is_deleted": deleted is not None,
                    "created_at": row["created_at"],
                    "deleted_at": deleted,
                }
            )
        return table(records, "product_key product_name")

    @cached_property
    def fct_deal_line_items(self) -> pd.DataFrame:
        """One row per line, and one for what a deal's lines do not tell of its amount (of none: what they tell)."""
        records: list[dict[str, Any]] = []
        for deal in self.fct_deals.to_dict("records"):
            day = self.moment.as_of if absent(deal["close_day"]) else min(deal["close_day"], self.moment.as_of)
            currency = deal["currency"]
            rate = self.rate(currency, day) if currency else Decimal(0)
            kept = {
                "deal_key": deal["deal_key"],
                "account_key": deal["account_key"],
                "owner_key": deal["owner_key"],
                "pipeline_purpose": deal["pipeline_purpose"],
                "segment": deal["segment"],
                "currency": currency,
                "exclusion_reason": deal["exclusion_reason"],
                "is_excluded": deal["is_excluded"],
                "close_date": deal["close_date"],
                "close_day": deal["close_day"],
            }
            running = {True: Decimal(0), False: Decimal(0)}
            told = converted = Decimal(0)
            for line in self.lines_of_deals.get(deal["deal_id"], []):
                inside, amount = line["is_in_deal_amount"], line["amount"]
                listed = rounded(line["quantity"] * line["unit_price"], 2)
                before = running[inside]
                running[inside] = before + (amount or Decimal(0))
                worth = None if amount is None else rounded(running[inside] * rate, 2) - rounded(before * rate, 2)
                if inside and amount is not None and worth is not None:
                    told, converted = told + amount, converted + worth
                records.append(
                    {
                        **kept,
                        **line,
                        "line_key": key_of(line["line_item_id"]),
                        "line_kind": "line",
                        "line_status": deal["status"] if inside else "lost",
                        "list_amount": listed,
                        "list_amount_reporting": rounded(listed * rate, 2),
                        "amount_reporting": worth,
                        "discount_rate": None
                        if amount is None or listed == 0
                        else rounded((listed - amount) / listed, 9),
                    }
                )
            amounts = [Decimal(0) if absent(deal[name]) else deal[name] for name in ("amount", "amount_reporting")]
            kind = "without_amount" if absent(deal["amount"]) else "residual"
            rest, rest_converted = amounts[0] - told, amounts[1] - converted
            if rest != 0 or rest_converted != 0:
                nothing = dict.fromkeys(
                    [
                        *("product_key", "line_item_id", "line_name", "billing_frequency", "quantity", "unit_price"),
                        *("list_amount", "list_amount_reporting", "discount_rate"),
                    ]
                )
                records.append(
                    {
                        **kept,
                        **nothing,
                        "line_key": f"{deal['deal_key']}:{kind}",
                        "line_kind": kind,
                        "line_status": deal["status"],
                        "amount": rest,
                        "amount_reporting": rest_converted,
                        "is_in_deal_amount": True,
                    }
                )
        compared = COMPARISONS[1]
        return table(records, " ".join((*compared.key, *compared.measures)))

    @cached_property
    def fct_product_performance(self) -> pd.DataFrame:
        """One row per product and month of close, of open deals of the month in which they are expected."""
        rated = dict(zip(self.fct_win_loss["deal_key"], self.fct_win_loss["is_in_win_rate"], strict=True))
        names = dict(zip(self.dim_products["product_key"], self.dim_products["product_name"], strict=True))
        cells: dict[tuple[str, date | None], dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for line in self.fct_deal_line_items.to_dict("records"):
            closed = not absent(line["close_day"])
            if line["is_excluded"] or line["pipeline_purpose"] not in BOOKED:
                continue
            if line["line_status"] == "lost" and not closed:
                continue
            day = line["close_day"] if closed else line["close_date"]
            untold = "not_listed" if line["line_kind"] == "line" else line["line_kind"]
            member = text_of(line["product_key"]) or untold
            of_deal = cells[member, None if absent(day) else self.calendar.first_of(day)][line["deal_key"]]
            of_deal.append({str(name): value for name, value in line.items()})
        records = []
        for (member, month), deals in cells.items():

            def worth(status: str, only_rated: bool = False, of: dict[str, Any] = deals) -> Decimal:
                return sum(
                    (
                        Decimal(0) if absent(line["amount_reporting"]) else line["amount_reporting"]
                        for deal, lines in of.items()
                        for line in lines
                        if line["line_status"] == status and (not only_rated or rated.get(deal, False))
                    ),
                    Decimal(0),
                )

            won = {deal for deal, lines in deals.items() if any(line["line_status"] == "won" for line in lines)}
            lost = {deal for deal, lines in deals.items() if any(line["line_status"] == "lost" for line in lines)} - won
            opened = {deal for deal, lines in deals.items() if any(line["line_status"] == "open" for line in lines)}
            sold = [
                (line["list_amount_reporting"], line["amount_reporting"])
                for lines in deals.values()
                for line in lines
                if line["line_status"] == "won"
                and not absent(line["list_amount_reporting"])
                and line["list_amount_reporting"] > 0
                and not absent(line["amount_reporting"])
            ]
            listed, net = (sum((pair[n] for pair in sold), Decimal(0)) for n in (0, 1))
            won_rated, lost_rated = (sum(bool(rated.get(deal)) for deal in one) for one in (won, lost))
            won_worth, lost_worth = worth("won", True), worth("lost", True)
            special = {
                "not_listed": "Not on the list",
                "residual": "Not told by lines",
                "without_amount": "Of deals without an amount",
            }
            records.append(
                {
                    "product_member": member,
                    "product_name": special.get(member) or names[member],
                    "month_start": month,
                    "open_deals": len(opened),
                    "won_deals": len(won),
                    "lost_deals": len(lost),
                    "won_deals_in_rate": won_rated,
                    "lost_deals_in_rate": lost_rated,
                    "open_reporting": worth("open"),
                    "won_reporting": worth("won"),
                    "lost_reporting": worth("lost"),
                    "won_reporting_in_rate": won_worth,
                    "lost_reporting_in_rate": lost_worth,
                    "list_reporting": listed,
                    "net_reporting": net,
                    "win_rate": quotient(Decimal(won_rated), won_rated + lost_rated),
                    "win_rate_value": quotient(won_worth, won_worth + lost_worth),
                    "discount_rate": quotient(listed - net, listed),
                }
            )
        compared = COMPARISONS[2]
        return table(records, " ".join((*compared.key, *compared.measures)))


COMPARISONS = [
    Comparison(
        "dim_products", ("product_key",),
        measures(
            text="product_id product_name sku billing_frequency", number="unit_price",
            flag="is_recurring is_deleted", time="created_at deleted_at",
        ),
        "source_system = 'hubspot'",
    ),
    Comparison(
        "fct_deal_line_items", ("line_key",),
        measures(
            text="deal_key product_key account_key owner_key line_item_id line_kind line_name billing_frequency "
            "line_status pipeline_purpose segment currency exclusion_reason",
            money="list_amount amount list_amount_reporting amount_reporting",
            number="quantity unit_price discount_rate", flag="is_in_deal_amount is_excluded",
            day="close_date close_day",
        ),
    ),
    Comparison(
        "fct_product_performance", ("product_member", "month_start"),
        measures(
            text="product_name", count="open_deals won_deals lost_deals won_deals_in_rate lost_deals_in_rate",
            money="open_reporting won_reporting lost_reporting won_reporting_in_rate lost_reporting_in_rate "
            "list_reporting net_reporting",
            number="win_rate win_rate_value discount_rate",
        ),
    ),
]  # fmt: skip
