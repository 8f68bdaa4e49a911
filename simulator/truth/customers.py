"""What customers pay again and again, who stays, and which contracts end soon."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from simulator.truth.comparison import Comparison, measures
from simulator.truth.log import absent, key_of, quotient, rounded, table
from simulator.truth.products import BOOKED
from simulator.truth.team import Team, first_of, months_later

MINIMUM = 10  # answers
ANSWERS = {
    "nps": {"promoter": range(9, 11), "passive": range(7, 9), "detractor": range(7)},
    "csat": {"satisfied": range(4, 6), "neutral": range(3, 4), "dissatisfied": range(1, 3)},
}
MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Contract:
    """A contract as it was known on the day; `worth` recurs per month, in the reporting currency."""

    key: str
    customer: str
    account: dict[str, Any] | None
    contract_id: str
    currency: str
    mrr: Decimal
    worth: Decimal
    start: date
    end: date
    renewal: date
    notice: date | None

    def runs(self, day: date) -> bool:
        return self.start <= day <= self.end


class Customers(Team):
    """Customers by contract and by purchase."""

    @cached_property
    def contracts(self) -> list[Contract]:
        """What was signed by the day; contracts of test accounts are left out."""
        today = self.moment.as_of
        accounts = {str(row["account_key"]): row for row in self.dim_accounts.to_dict("records")}
        found = []
        for row in self.company.contracts.to_dict("records"):
            if row["signed_date"].date() > today:
                continue
            customer = str(key_of(self.surviving("company", row["account_id"])))
            account = accounts.get(customer)
            if account is not None and account["exclusion_reason"] == "test":
                continue
            mrr = rounded(rounded(Decimal(str(row["amount"])), 2) / MONTHS[row["amount_period"]], 2)
            notice = None if absent(row["notice_date"]) else row["notice_date"].date()
            found.append(
                Contract(
                    f"finance:{row['contract_id']}",
                    customer,
                    None if account is None else {str(name): value for name, value in account.items()},
                    row["contract_id"],
                    row["currency"],
                    mrr,
                    rounded(mrr * self.rate(row["currency"], today, "plan"), 2),
                    row["start_date"].date(),
                    row["end_date"].date(),
                    row["renewal_date"].date(),
                    notice if notice is not None and notice <= today else None,
                )
            )
        return found

    @cached_property
    def _paid(self) -> dict[str, dict[date, tuple[Decimal, int]]]:
        """customer -> month -> what recurs at its end and by how many contracts; months without are left out."""
        by_customer: dict[str, list[Contract]] = defaultdict(list)
        for contract in self.contracts:
            by_customer[contract.customer].append(contract)
        found: dict[str, dict[date, tuple[Decimal, int]]] = {}
        for customer, contracts in by_customer.items():
            month = first_of(min(contract.start for contract in contracts))
            months: dict[date, tuple[Decimal, int]] = {}
            while month <= self.moment.as_of:
                day = min(months_later(month, 1) - timedelta(days=1), self.moment.as_of)
                running = [contract for contract in contracts if contract.runs(day)]
                total = sum((contract.worth for contract in running), Decimal(0))
                if total > 0:
                    months[month] = (total, len(running))
                month = months_later(month, 1)
            if months:
                found[customer] = months
        return found

    @cached_property
    def fct_customer_months(self) -> pd.DataFrame:
        """One row per customer and month that opens or closes with something that recurs."""
        accounts = {contract.customer: contract.account for contract in self.contracts}
        today = first_of(self.moment.as_of)
        records = []
        for customer, paid in self._paid.items():
            account = accounts[customer]
            months = sorted({*paid, *(months_later(month, 1) for month in paid)})
            for month in months:
                if month > today:
                    continue
                before = paid.get(months_later(month, -1), (Decimal(0), 0))[0]
                after, contracts = paid.get(month, (Decimal(0), 0))
                kind = "unchanged"
                if before == 0:
                    kind = "new" if month == months[0] else "resurrection"
                elif after == 0:
                    kind = "churn"
                elif after != before:
                    kind = "expansion" if after > before else "contraction"
                row = {
                    "customer_key": customer,
                    "account_key": None if account is None else account["account_key"],
                    "segment": "unknown" if account is None else account["segment"],
                    "movement": kind,
                    "contracts": contracts,
                    "opening_mrr": before,
                    "closing_mrr": after,
                    "is_current": month == today,
                    "month_start": month,
                    "cohort_month": months[0],
                }
                for name in ("new", "expansion", "contraction", "churn", "resurrection"):
                    row[f"{name}_mrr"] = abs(after - before) if name == kind else Decimal(0)
                records.append(row)
        return described("fct_customer_months", records)

    @cached_property
    def _won(self) -> dict[str, list[dict[str, Any]]]:
        """customer -> their won deals; a person's where there is no account."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for deal in self.fct_deals.to_dict("records"):
            if deal["status"] != "won" or deal["is_excluded"] or deal["pipeline_purpose"] not in BOOKED:
                continue
            customer = deal["contact_key"] if absent(deal["account_key"]) else deal["account_key"]
            if absent(customer) or deal["close_day"] > self.moment.as_of:
                continue
            found[customer].append({str(name): value for name, value in deal.items()})
        return found

    @cached_property
    def _bought(self) -> dict[str, list[date]]:
        """customer -> the months of their purchases, credit notes aside."""
        return {
            customer: sorted(first_of(deal["close_day"]) for deal in deals if is_purchase(deal))
            for customer, deals in self._won.items()
            if any(map(is_purchase, deals))
        }

    @cached_property
    def fct_retention_cohorts(self) -> pd.DataFrame:
        """One row per basis, cohort (and all of them) and month since."""
        records = []
        for basis in ("contracts", "purchases"):
            members = self._paid if basis == "contracts" else self._bought
            cohorts: dict[date, list[str]] = defaultdict(list)
            for customer, months in members.items():
                cohorts[min(months)].append(customer)
            groups: list[tuple[str, date | None, date]] = [("cohort", cohort, cohort) for cohort in cohorts]
            if cohorts:
                groups.append(("total", None, min(cohorts)))
            for level, cohort, begins in groups:
                month = begins
                while month <= self.moment.as_of:
                    chosen = [
                        customer
                        for first, customers in cohorts.items()
                        if first == cohort or (cohort is None and first <= month)
                        for customer in customers
                    ]
                    told = self._paying(chosen, month) if basis == "contracts" else self._buying(chosen, month)
                    records.append(
                        {
                            "basis": basis,
                            "level": level,
                            "cohort_month": cohort,
                            "month_start": month,
                            "months_since": None
                            if cohort is None
                            else (month.year - cohort.year) * 12 + month.month - cohort.month,
                            "customers": len(chosen),
                            **told,
                            "logo_retention": quotient(Decimal(told["customers_active"]), len(chosen)),
                        }
                    )
                    month = months_later(month, 1)
        return described("fct_retention_cohorts", records)

    def _paying(self, customers: list[str], month: date) -> dict[str, Any]:
        """What those customers pay at the end of the month, against a year before."""
        year_ago = months_later(month, -12)
        now = {c: self._paid[c].get(month, (Decimal(0), 0))[0] for c in customers}
        then = {c: self._paid[c][year_ago][0] for c in customers if year_ago in self._paid[c]}
        before = sum(then.values(), Decimal(0))
        still = sum((now[c] for c in then), Decimal(0))
        kept = sum((min(now[c], then[c]) for c in then), Decimal(0))
        stayed = sum(now[c] > 0 for c in then)
        return {
            "customers_active": sum(amount > 0 for amount in now.values()),
            "customers_repeat": None,
            "customers_year_ago": len(then),
            "customers_kept": stayed,
            "mrr": sum(now.values(), Decimal(0)),
            "mrr_year_ago": before,
            "mrr_of_year_ago_now": still,
            "mrr_kept": kept,
            "repeat_purchase_rate": None,
            "churn_rate": quotient(Decimal(len(then) - stayed), len(then)),
            "nrr": quotient(still, before),
            "grr": quotient(kept, before),
        }

    def _buying(self, customers: list[str], month: date) -> dict[str, Any]:
        """Which of those customers bought in the twelve months up to this one, and which ever bought again."""
        since = months_later(month, -11)
        repeat = sum(len([one for one in self._bought[c] if one <= month]) > 1 for c in customers)
        nothing = ["customers_year_ago", "customers_kept", "mrr", "mrr_year_ago", "mrr_of_year_ago_now", "mrr_kept"]
        return {
            **dict.fromkeys([*nothing, "churn_rate", "nrr", "grr"]),
            "customers_active": sum(any(since <= one <= month for one in self._bought[c]) for c in customers),
            "customers_repeat": repeat,
            "repeat_purchase_rate": quotient(Decimal(repeat), len(customers)),
        }

    @cached_property
    def fct_renewals_due(self) -> pd.DataFrame:
        """One row per running contract that is to be renewed within ninety days."""
        today = self.moment.as_of
        opened: dict[str, list[tuple[pd.Timestamp, str]]] = defaultdict(list)
        lost: set[str] = set()
        for deal in self.fct_deals.to_dict("records"):
            if deal["pipeline_purpose"] != "renewal" or deal["is_excluded"] or absent(deal["account_key"]):
                continue
            if deal["status"] == "open":
                opened[deal["account_key"]].append((deal["created_at"], deal["deal_key"]))
            elif deal["status"] == "lost" and deal["close_day"] > today - timedelta(days=180):
                lost.add(deal["account_key"])
        worked = self.fct_activities
        worked = worked.loc[worked["is_past"] & worked["is_completed"] & ~worked["is_excluded"]]
        last = worked.dropna(subset=["account_key"]).groupby("account_key")["occurred_date"].max().to_dict()
        records = []
        for one in self.contracts:
            days = (one.renewal - today).days
            if not one.runs(today) or not 0 < days <= 90:
                continue
            account = one.account or {}
            name = account.get("account_key")
            renewed = any(
                other.customer == one.customer and 0 <= (other.start - one.renewal).days <= 31
                for other in self.contracts
                if other.key != one.key
            )
            without = name not in opened
            gone = without and name in lost
            seen = last.get(name)
            idle = seen is None or seen < today - timedelta(days=60)
            health = "amber" if without or idle else "green"
            health = "green" if renewed else "red" if one.notice is not None or gone else health
            records.append(
                {
                    "contract_key": one.key,
                    "customer_key": one.customer,
                    "account_key": name,
                    "owner_key": account.get("owner_key"),
                    "renewal_deal_key": None if without else max(opened[str(name)])[1],
                    "contract_id": one.contract_id,
                    "account_name": account.get("account_name"),
                    "segment": account.get("segment", "unknown"),
                    "currency": one.currency,
                    "health": health,
                    "due_within_days": 30 if days <= 30 else 60 if days <= 60 else 90,
                    "days_to_renewal": days,
                    "mrr": one.mrr,
                    "mrr_reporting": one.worth,
                    "arr_reporting": one.worth * 12,
                    "is_renewed": renewed,
                    "is_notice_given": one.notice is not None,
                    "is_renewal_lost": gone,
                    "is_without_renewal_deal": without,
                    "is_idle": idle,
                    "start_date": one.start,
                    "end_date": one.end,
                    "renewal_date": one.renewal,
                    "notice_date": one.notice,
                    "last_activity_date": seen,
                }
            )
        return described("fct_renewals_due", records)

    @cached_property
    def fct_customer_segments(self) -> pd.DataFrame:
        """One row per customer who bought or has a contract on the day."""
        today = self.moment.as_of
        accounts = {str(row["account_key"]): row for row in self.dim_accounts.to_dict("records")}
        recurring: dict[str, Decimal] = defaultdict(Decimal)
        for contract in self.contracts:
            if contract.runs(today):
                recurring[contract.customer] += contract.worth
        told: dict[str, dict[str, Any]] = {}
        for customer in [*self._won, *(one for one in recurring if one not in self._won)]:
            deals = self._won.get(customer, [])
            days = sorted(deal["close_day"] for deal in deals if is_purchase(deal))
            worths = [deal["amount_reporting"] for deal in deals if not absent(deal["amount_reporting"])]
            of_person = bool(deals) and absent(deals[0]["account_key"])
            account = accounts.get(customer, {})
            segment = account.get("segment", "unknown")
            # The demo's rules: enterprises, then contracts, then persons, then everybody.
            motion = "enterprise" if segment == "enterprise" else "saas" if customer in recurring else "b2b"
            told[customer] = {
                "customer_key": customer,
                "account_key": account.get("account_key"),
                "contact_key": customer if of_person else None,
                "account_name": account.get("account_name"),
                "segment": segment,
                "motion": "b2c" if of_person and motion == "b2b" else motion,
                "recency_days": (today - days[-1]).days if days else None,
                "frequency": len(days),
                "monetary_reporting": sum(worths, Decimal(0)) if worths else None,
                "mrr_reporting": recurring.get(customer, Decimal(0)),
                "has_account": not of_person,
                "has_contract": customer in recurring,
                "first_purchase_date": days[0] if days else None,
                "last_purchase_date": days[-1] if days else None,
            }
        measured = (
            ("recency_days", "recency", -1),
            ("frequency", "frequency", 1),
            ("monetary_reporting", "monetary", 1),
        )
        for name, short, sign in measured:
            known = sorted(sign * row[name] for row in told.values() if row["frequency"] and row[name] is not None)
            for row in told.values():
                counts = row["frequency"] and row[name] is not None
                beaten = bisect_left(known, sign * row[name]) if counts else 0
                row[f"{short}_quintile"] = 1 + 5 * beaten // len(known) if counts else None
        for row in told.values():
            quintiles = [row[f"{short}_quintile"] for _, short, _ in measured]
            row["rfm"] = None if None in quintiles else "".join(map(str, quintiles))
        return described("fct_customer_segments", list(told.values()))

    @cached_property
    def fct_market_penetration(self) -> pd.DataFrame:
        """One row for the market, and per segment and country of the company's list."""
        accounts = self.dim_accounts
        accounts = accounts.loc[~accounts["is_excluded"]]
        opened = {
            deal["account_key"]
            for deal in self.fct_deals.to_dict("records")
            if deal["status"] == "open" and not deal["is_excluded"]
        }
        # A firm goes by its domain, on the list without one by its name.
        holders: dict[tuple[str, str], list[str]] = defaultdict(list)
        for kind in ("domain", "account_name"):
            for key, value in zip(accounts["account_key"], accounts[kind], strict=True):
                if not absent(value):
                    holders[kind, value.lower()].append(key)
        listed: dict[tuple[str, str], tuple[str, str]] = {}
        for row in self.company.addressable_accounts.to_dict("records"):
            kind = "account_name" if absent(row["domain"]) else "domain"
            firm = (kind, row[kind].lower())
            before = listed.get(firm, (row["segment"], row["country"]))
            listed[firm] = (min(before[0], row["segment"]), min(before[1], row["country"]))
        reached = {key for firm in listed for key in holders.get(firm, [])}
        names = ["addressable_accounts", "known_accounts", "pipeline_accounts", "won_accounts"]
        counts: dict[tuple[str, str], dict[str, int]] = defaultdict(
            lambda: dict.fromkeys([*names, "won_not_listed_accounts"], 0)
        )
        for firm, (segment, country) in listed.items():
            own = holders.get(firm, [])
            won = any(key in self._bought for key in own)
            facts = (True, bool(own), not won and any(key in opened for key in own), won)
            for cell in (("total", "total"), ("segment", segment), ("country", country)):
                for name, fact in zip(names, facts, strict=True):
                    counts[cell][name] += fact
        for row in accounts.to_dict("records"):
            if row["account_key"] in self._bought and row["account_key"] not in reached:
                for cell in (("total", "total"), ("segment", row["segment"]), ("country", row["country"])):
                    counts[cell]["won_not_listed_accounts"] += 1
        records = [
            {
                "level": level,
                "member": member,
                **cell,
                "penetration_rate": quotient(Decimal(cell["won_accounts"]), cell["addressable_accounts"]),
            }
            for (level, member), cell in counts.items()
        ]
        return described("fct_market_penetration", records)

    @cached_property
    def fct_customer_feedback(self) -> pd.DataFrame:
        """One row per kind, period, segment and group of answers."""
        accounts = {str(row["account_key"]): row for row in self.dim_accounts.to_dict("records")}
        people = {str(row["contact_id"]): row for row in self.dim_contacts.to_dict("records")}
        cells: dict[tuple[str, str, date, str, str, str], list[tuple[str, str, date]]] = defaultdict(list)
        for row in self.company.feedback.to_dict("records"):
            day = row["answered_date"].date()
            if day > self.moment.as_of or row["kind"] not in ANSWERS:
                continue
            if absent(row["contact_id"]):
                person, customer = None, str(key_of(self.surviving("company", row["account_id"])))
            else:
                # Whom the CRM has asked answers for the company where they are now.
                person = people[str(self.surviving("contact", row["contact_id"]))]
                customer = str(person["account_key"])
            account = accounts.get(customer, {})
            is_test = "test" in (account.get("exclusion_reason"), person and person["exclusion_reason"])
            if is_test or ("feedback_submission", row["feedback_id"]) in self.deleted:
                continue
            group = next(name for name, scores in ANSWERS[row["kind"]].items() if row["score"] in scores)
            month = first_of(day)
            for period in ("month", "quarter"):
                start = self.calendar.period_of(period, day).start
                for level, member in (("total", "total"), ("segment", account.get("segment", "unknown"))):
                    for of in ("all", group):
                        cells[row["kind"], period, start, level, member, of].append((customer, group, month))
        today = first_of(self.moment.as_of)
        records = []
        for (kind, period, start, level, member, of), answers in cells.items():
            good = sum(group in ("promoter", "satisfied") for _, group, _ in answers)
            bad = sum(group in ("detractor", "dissatisfied") for _, group, _ in answers)
            followed = {
                (customer, month)
                for customer, _, month in answers
                if month in self._paid.get(customer, {}) and months_later(month, 12) <= today
            }
            kept = {one for one, month in followed if months_later(month, 12) in self._paid[one]}
            known, enough = {one for one, _ in followed}, len(answers) >= MINIMUM
            told = of == "all" and enough
            records.append(
                {
                    "kind": kind,
                    "period_type": period,
                    "period_start": start,
                    "level": level,
                    "member": member,
                    "answer_group": of,
                    "answers": len(answers),
                    "answers_good": good,
                    "answers_bad": bad,
                    "customers": len({customer for customer, _, _ in answers}),
                    "customers_followed": len(known),
                    "customers_kept": len(kept),
                    "nps": Decimal(good - bad) / len(answers) if told and kind == "nps" else None,
                    "csat": Decimal(good) / len(answers) if told and kind == "csat" else None,
                    "retention_rate": Decimal(len(kept)) / len(known) if len(known) >= MINIMUM else None,
                    "is_below_minimum": not enough,
                }
            )
        return described("fct_customer_feedback", records)


def described(mart: str, records: list[dict[str, Any]]) -> pd.DataFrame:
    """The records as a table that has every column which is compared, also when there are none."""
    (comparison,) = (one for one in COMPARISONS if one.mart == mart)
    return table(records, " ".join((*comparison.key, *comparison.measures)))


def is_purchase(deal: dict[str, Any]) -> bool:
    """A won deal that is no credit note."""
    return bool(absent(deal["amount"]) or deal["amount"] > 0)


COMPARISONS = [
    Comparison(
        "fct_customer_months", ("customer_key", "month_start"),
        measures(
            text="account_key segment movement", count="contracts",
            money="opening_mrr new_mrr expansion_mrr contraction_mrr churn_mrr resurrection_mrr closing_mrr",
            flag="is_current", day="cohort_month",
        ),
    ),
    Comparison(
        "fct_retention_cohorts", ("basis", "level", "cohort_month", "month_start"),
        measures(
            count="months_since customers customers_active customers_repeat customers_year_ago customers_kept",
            money="mrr mrr_year_ago mrr_of_year_ago_now mrr_kept",
            number="logo_retention repeat_purchase_rate churn_rate nrr grr",
        ),
    ),
    Comparison(
        "fct_customer_segments", ("customer_key",),
        measures(
            text="account_key contact_key account_name segment motion rfm",
            count="recency_days frequency recency_quintile frequency_quintile monetary_quintile",
            money="monetary_reporting mrr_reporting", flag="has_account has_contract",
            day="first_purchase_date last_purchase_date",
        ),
    ),
    Comparison(
        "fct_market_penetration", ("level", "member"),
        measures(
            count="addressable_accounts known_accounts pipeline_accounts won_accounts won_not_listed_accounts",
            number="penetration_rate",
        ),
    ),
    Comparison(
        "fct_customer_feedback", ("kind", "period_type", "period_start", "level", "member", "answer_group"),
        measures(
            count="answers answers_good answers_bad customers customers_followed customers_kept",
            number="nps csat retention_rate", flag="is_below_minimum",
        ),
    ),
    Comparison(
        "fct_renewals_due", ("contract_key",),
        measures(
            text="customer_key account_key owner_key renewal_deal_key contract_id account_name segment currency health",
            count="due_within_days days_to_renewal", money="mrr mrr_reporting arr_reporting",
            flag="is_renewed is_notice_given is_renewal_lost is_without_renewal_deal is_idle",
            day="start_date end_date renewal_date notice_date last_activity_date",
        ),
    ),
]  # fmt: skip
