"""The examples of docs/catalogue.md are what the program reads."""

import re

import yaml

from cabinet.config import ROOT
from cabinet.domain.catalogue import (
    Option,
    Plan,
    PromisedPayment,
    PromiseStep,
    Setting,
    Step,
    Switching,
    _Version,
    parse,
)

PAGE = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
WHOLE, *ADDED = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_are_one_good_catalogue():
    sections = yaml.load(WHOLE, Loader=yaml.BaseLoader)
    for block in ADDED:
        for section, items in yaml.load(block, Loader=yaml.BaseLoader).items():
            sections.setdefault(section, []).extend(items)

    catalogue = parse(yaml.safe_dump(sections, allow_unicode=True), "docs.yaml")

    assert catalogue.plans["vyhodnoy"].fee_for("moskva", {"internet": "30gb"}) == 45_000
    assert set(catalogue.options) == {"voicemail", "call_waiting", "conference"}
    assert set(catalogue.bundles) == {"gb_5", "min_intl_30"}


def test_every_key_is_described():
    models = (_Version, Plan, Option, Setting, Step, Switching, PromisedPayment, PromiseStep)
    keys = {name for model in models for name in model.model_fields} - {
        "price_kopecks",
        "per",
        "zones",
        "category_name",
    }

    assert {key for key in keys if f"`{key}`" not in PAGE} == set()
