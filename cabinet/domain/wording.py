"""Which words of what is sold a subscriber reads, so that each can be had in English."""

import re
from collections.abc import Iterable, Iterator

from cabinet.domain.catalogue import Bundle, Catalogue, Option, Plan, PromisedPayment, Zone

_RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)

Sold = Plan | Option | Bundle | PromisedPayment


def texts_of(item: Sold) -> list[str]:
    """Its Russian names and descriptions, each once; “+5 GB” or “Surf” are English already."""
    return _russian(_all_of(item))


def texts_of_file(catalogue: Catalogue) -> list[str]:
    """All Russian words of a catalogue, each once, in the order of the file."""
    texts = [*catalogue.regions.values(), *catalogue.categories.values(), *_of_zones(catalogue.zones.values())]
    for items in (catalogue.plans, catalogue.options, catalogue.bundles, catalogue.promised_payments):
        texts += [text for item in items.values() for text in _all_of(item)]
    return _russian(texts)


def _all_of(item: Sold) -> Iterator[str]:
    yield item.name
    if isinstance(item, Plan):
        yield item.tagline
    yield item.description
    if isinstance(item, Option):
        yield item.category_name
    if isinstance(item, Plan):
        yield from item.features
        for setting in item.settings:
            yield setting.name
            yield from (step.name for step in setting.steps)
        yield from _of_zones(item.zones.values())


def _of_zones(zones: Iterable[Zone]) -> Iterator[str]:
    for zone in zones:
        yield zone.name
        yield zone.destination


def _russian(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if _RUSSIAN.search(text)]
