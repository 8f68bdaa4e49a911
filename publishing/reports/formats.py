"""How figures, dates and amounts are written: by the company's locale, through Babel's CLDR data.

What belongs here: turning one value into text, and saying so plainly when there is none. What does not: words
(words.py, the catalogues) and any figure made from other figures.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.core import UnknownLocaleError

from configuration.errors import ConfigurationError

_EMAIL = re.compile(r"([^\s@<>()\[\],;:\"])[^\s@<>()\[\],;:\"]*@[^\s@<>()\[\],;:\"]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# A month of weeks (4-4-5) is called after the one that it mostly lies in.
HALF_A_MONTH = timedelta(days=14)
MISSING = "–"  # a reader sees a dash where there is nothing to say, never None, nan or a zero that is none


class Formats:
    """All formats of one report. `zone` is the reporting time zone, in which moments are told."""

    def __init__(self, locale: str, currency: str, zone: str) -> None:
        try:
            self.locale = Locale.parse(locale)
        except (UnknownLocaleError, ValueError) as exc:
            raise ConfigurationError(
                f"{locale} is not a locale that Babel knows",
                where="saleshouse.yml company.locale",
                effect="no report was rendered",
                fix="write it as en_GB or cs_CZ",
            ) from exc
        self.currency = currency
        self.zone = zone
        pattern = self.locale.currency_formats["standard"].pattern
        self._whole_money = re.sub(r"[.,]0+", "", pattern)

    @property
    def language(self) -> str:
        """The tag for <html lang>."""
        return str(self.locale).replace("_", "-")

    def filters(self) -> dict[str, Callable[..., str]]:
        """The template filters by name."""
        names = (
            "integer", "decimal", "money", "money_short", "money_exact", "percent", "chance", "signed_percent", "times",
            "days", "points", "signed_decimal", "day", "short_day", "month", "month_name", "short_month", "moment",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def integer(self, value: Any) -> str:
        """12,345"""
        number = _number(value)
        return MISSING if number is None else numbers.format_decimal(_rounded(number, 0), locale=self.locale)

    def decimal(self, value: Any, digits: int = 1) -> str:
        """3.4 with exactly so many digits."""
        number = _number(value)
        if number is None:
            return MISSING
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        return numbers.format_decimal(_rounded(number, digits), format=pattern, locale=self.locale)

    def money(self, value: Any) -> str:
        """€12,345: whole units of the reporting currency."""
        number = _number(value)
        if number is None:
            return MISSING
        text = numbers.format_currency(
            _rounded(number, 0),
            self.currency,
            format=self._whole_money,
            locale=self.locale,
            currency_digits=False,
        )
        return _with_minus(text)

    def money_exact(self, value: Any) -> str:
        """€2.36: with the currency's minor unit, for costs per click or per lead."""
        number = _number(value)
        if number is None:
            return MISSING
        return _with_minus(numbers.format_currency(number, self.currency, locale=self.locale))

    def money_short(self, value: Any) -> str:
        """€412K: three figures at most, for headlines, cards and axes."""
        number = _number(value)
        if number is None:
            return MISSING
        if abs(number) < 1000:
            return self.money(number)
        wanted = 3 if abs(number) >= 1_000_000 else 2
        number = _rounded(number, 2 - number.adjusted())
        exact = numbers.format_compact_currency(number, self.currency, locale=self.locale, fraction_digits=2)
        leading = exact.split(numbers.get_decimal_symbol(self.locale))[0]
        fraction_digits = max(wanted - sum(character.isdigit() for character in leading), 0)
        text = numbers.format_compact_currency(
            number, self.currency, locale=self.locale, fraction_digits=fraction_digits
        )
        return _with_minus(text)

    def percent(self, value: Any, digits: int = 0) -> str:
        """79 % or 79%, as the locale writes it."""
        number = _number(value)
        if number is None:
            return MISSING
        pattern = self.locale.percent_formats[None].pattern
        if digits:
            pattern = pattern.replace("0", "0." + "0" * digits, 1) if "." not in pattern else pattern
        return numbers.format_percent(_rounded(number, 2 + digits), format=pattern, locale=self.locale)

    def chance(self, value: Any) -> str:
        """A percentage that calls nothing impossible or certain that is not: <1% and >99%."""
        number = _number(value)
        if number is not None and 0 < number < Decimal("0.005"):
            return f"<{self.percent('0.01')}"
        if number is not None and Decimal("0.995") <= number < 1:
            return f">{self.percent('0.99')}"
        return self.percent(value)

    def signed_percent(self, value: Any) -> str:
        """+12%, −3% or ±0%: a change."""
        number = _number(value)
        if number is None:
            return MISSING
        rounded = _rounded(number, 2)
        sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
        return sign + self.percent(abs(rounded))

    def times(self, value: Any) -> str:
        """2.4×: a return or a coverage."""
        number = _number(value)
        return MISSING if number is None else f"{self.decimal(number, 1)}×"

    def days(self, value: Any) -> str:
        """12 or 4.5: days in a sentence, with one digit below ten."""
        number = _number(value)
        return MISSING if number is None else self.decimal(number, 1 if abs(number) < 10 and number % 1 else 0)

    def points(self, value: Any) -> str:
        """12 or 4.5: a difference of two shares in points, without its sign, with one digit below ten."""
        number = _number(value)
        return (
            MISSING
            if number is None
            else self.days(_rounded(abs(number) * 100, 1 if abs(number) < Decimal("0.1") else 0))
        )

    def signed_decimal(self, value: Any) -> str:
        """+2.1 or −3.0: a change in days."""
        number = _number(value)
        if number is None:
            return MISSING
        rounded = _rounded(number, 1)
        sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
        return sign + self.decimal(abs(rounded))

    def day(self, value: date | None) -> str:
        """17 June 2026"""
        return MISSING if value is None else dates.format_date(value, format="long", locale=self.locale)

    def short_day(self, value: date | None) -> str:
        """17 Jun 2026"""
        return MISSING if value is None else dates.format_date(value, format="medium", locale=self.locale)

    def month(self, value: date | None) -> str:
        """June 2026, given its first day"""
        middle = None if value is None else value + HALF_A_MONTH
        return MISSING if middle is None else dates.format_skeleton("yMMMM", middle, locale=self.locale)

    def month_name(self, value: date | None) -> str:
        """June, given its first day"""
        return MISSING if value is None else self._month_alone(value + HALF_A_MONTH, "yMMMM")

    def short_month(self, value: date | None) -> str:
        """Jun, given its first day"""
        return MISSING if value is None else self._month_alone(value + HALF_A_MONTH, "yMMM")

    def _month_alone(self, value: date, skeleton: str) -> str:
        """The month in the form that the locale uses beside a year: Czech has one form for dates, one for periods."""
        wide = len(skeleton) - 1
        has_own_form = "L" * wide in self.locale.datetime_skeletons[skeleton].pattern
        return dates.format_date(value, format=("L" if has_own_form else "M") * wide, locale=self.locale)

    def moment(self, value: datetime | None) -> str:
        """18 Jun 2026 08:00 in the reporting zone, from naive UTC."""
        if value is None:
            return MISSING
        local = value.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone))
        return f"{self.short_day(local)} {dates.format_time(local, format='short', locale=self.locale)}"


def shown(value: Any) -> str:
    """A name as people may read it: a dash for none, no control or direction marks, e-mail addresses masked."""
    if value is None:
        return MISSING
    return _EMAIL.sub(r"\1…@…", _CONTROL.sub("", str(value))).strip() or MISSING


def _number(value: Any) -> Decimal | None:
    """A finite number, or None for whatever cannot be printed as one."""
    if value is None:
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None


def _rounded(number: Decimal, digits: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def _with_minus(text: str) -> str:
    """The hyphen that most locales write before an amount as the sign that other figures have."""
    return text.replace("-", "−")
