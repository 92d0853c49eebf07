"""The programme's narrower limits put in the place of a product's own; a wider one is refused (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.product import OpenVial
from sheetal.ledger.product_checks import Flaw

if TYPE_CHECKING:
    from sheetal.contracts.limits import HoldRule, StorageRange
    from sheetal.contracts.product import NextStage, Product
    from sheetal.ledger.programme import Narrowing, Programme


class Widening(Flaw):
    """The programme would allow more than the product does; `key` is of programme.toml."""


def narrowed(product: Product, programme: Programme) -> Product:
    """The product within the programme's narrower limits; raises Widening naming the programme's key."""
    for number, one in enumerate(programme.narrowings):
        if product.product in one.products:
            product = _Narrowed(product, one, f"narrow[{number}]").whole(programme.programme)
    return product


class _Narrowed:
    """One narrowing on its way into one product."""

    def __init__(self, product: Product, by: Narrowing, key: str) -> None:
        self.product, self.by, self.key = product, by, key
        self.stage = by.stage or product.stage

    def whole(self, programme: str) -> Product:
        """The product with every limit that the narrowing names in place."""
        self._check_aims()
        return msgspec.structs.replace(
            self.product,
            ranges=[self._range(one) for one in self.product.ranges],
            next_stages=[self._next(one) for one in self.product.next_stages],
            hold_rules=[self._rule(one) for one in self.product.hold_rules],
            open_vials=self._open_vials(programme),
        )

    def _check_aims(self) -> None:
        """A narrowing that meets nothing is a slip of the pen, and the wider limit would stand unseen."""
        by, product = self.by, self.product
        if self.stage not in {one.stage for one in product.ranges}:
            raise self._flaw("stage", f"{product.product} has no stage {self.stage!r}")
        if by.stage_minutes_max is not None and self.stage not in {one.stage for one in product.next_stages}:
            raise self._flaw("stage_minutes_max", f"{product.product} has no later stage {self.stage!r}")
        if (by.rule is None) != (by.rule_minutes is None):
            raise self._flaw("rule", "needs rule and rule_minutes together")
        if by.rule is not None and by.rule not in {one.rule for one in product.hold_rules}:
            raise self._flaw("rule", f"{product.product} has no hold rule {by.rule!r}")

    def _range(self, own: StorageRange) -> StorageRange:
        low, high = self.by.centi_celsius_min, self.by.centi_celsius_max
        if own.stage != self.stage or (low is None and high is None):
            return own
        if low is not None and own.centi_celsius_min is not None and low < own.centi_celsius_min:
            raise self._wider("centi_celsius_min", low, own.centi_celsius_min)
        if high is not None and own.centi_celsius_max is not None and high > own.centi_celsius_max:
            raise self._wider("centi_celsius_max", high, own.centi_celsius_max)
        low = own.centi_celsius_min if low is None else low
        high = own.centi_celsius_max if high is None else high
        if low is not None and high is not None and low >= high:
            raise self._flaw("centi_celsius_max", f"leaves nothing of {self.product.product}'s range")
        return msgspec.structs.replace(own, centi_celsius_min=low, centi_celsius_max=high, source=self.by.source)

    def _next(self, own: NextStage) -> NextStage:
        minutes = self.by.stage_minutes_max
        if minutes is None or own.stage != self.stage:
            return own
        if own.minutes_max is not None and minutes > own.minutes_max:
            raise self._wider("stage_minutes_max", minutes, own.minutes_max)
        return msgspec.structs.replace(own, minutes_max=minutes, source=self.by.source)

    def _rule(self, own: HoldRule) -> HoldRule:
        if self.by.rule_minutes is None or own.rule != self.by.rule:
            return own
        if self.by.rule_minutes > own.minutes:
            raise self._wider("rule_minutes", self.by.rule_minutes, own.minutes)
        return msgspec.structs.replace(own, minutes=self.by.rule_minutes, source=self.by.source)

    def _open_vials(self, programme: str) -> list[OpenVial]:
        minutes, stated = self.by.open_vial_minutes, self.product.open_vials
        if minutes is None:
            return stated
        shortest = min((one.minutes for one in stated), default=minutes)
        if minutes > shortest:
            raise self._wider("open_vial_minutes", minutes, shortest)
        own = OpenVial(programme=programme, minutes=minutes, source=self.by.source)
        return [own, *(one for one in stated if one.programme != programme)]

    def _wider(self, key: str, wanted: int, own: int) -> Widening:
        return self._flaw(key, f"widens {self.product.product}'s own {own} to {wanted}; a programme may only narrow")

    def _flaw(self, key: str, what: str) -> Widening:
        return Widening(f"{self.key}.{key}", what)
