"""Things to press: buttons, links, segmented controls, chips."""

from collections.abc import Sequence
from typing import Any

import reflex as rx
from reflex_base.components.component import field
from reflex_components_core.el.elements.base import BaseHTML
from reflex_components_core.react_router import link as page_link

from cabinet.ui.kit import recipes
from cabinet.ui.kit.icons import icon

Text = str | rx.Var[str]
"""A text known when the page is built, or one that arrives with the state."""


class Anchor(BaseHTML):
    """A link that the browser itself follows: Reflex's own turns into a client-side one."""

    tag = "a"

    href: rx.Var[str] = field(doc="The address")
    href_lang: rx.Var[str] = field(doc="The language of the page behind it")


anchor = Anchor.create


def button(label: Text, kind: str = "primary", icon_name: str = "", class_name: str = "", **props: Any) -> rx.Component:
    """A button 48 px high; `kind` is one of `recipes.BUTTON_KINDS`. One primary a screen."""
    props.setdefault("type", "button")
    return rx.el.button(
        *_with_icon(icon_name, label),
        class_name=f"{recipes.BUTTON} {recipes.BUTTON_KINDS[kind]} {class_name}".strip(),
        **props,
    )


def button_link(
    label: Text, to: str, kind: str = "primary", icon_name: str = "", class_name: str = "", **props: Any
) -> rx.Component:
    """A link to a page that looks like a button."""
    return page_link(
        *_with_icon(icon_name, label),
        to=to,
        class_name=f"{recipes.BUTTON} {recipes.BUTTON_KINDS[kind]} {class_name}".strip(),
        **props,
    )


def plain_link_button(
    label: Text, href: str, kind: str = "primary", icon_name: str = "", class_name: str = "", **props: Any
) -> rx.Component:
    """The same, but the page is loaded anew: between sign-in and the cabinet."""
    return anchor(
        *_with_icon(icon_name, label),
        href=href,
        class_name=f"{recipes.BUTTON} {recipes.BUTTON_KINDS[kind]} {class_name}".strip(),
        **props,
    )


def link_action(label: Text, href: str, icon_name: str = "", class_name: str = "text-sm", **props: Any) -> rx.Component:
    """A text link 44 px high that loads the page anew: for sign-in pages, files and other sites."""
    return anchor(
        *_with_icon(icon_name, label), href=href, class_name=f"{recipes.LINK_ACTION} {class_name}".strip(), **props
    )


def page_action(label: Text, to: str, icon_name: str = "", class_name: str = "text-sm", **props: Any) -> rx.Component:
    """A text link 44 px high to another page of the cabinet, without loading it anew."""
    return page_link(
        *_with_icon(icon_name, label), to=to, class_name=f"{recipes.LINK_ACTION} {class_name}".strip(), **props
    )


def icon_button(icon_name: str, label: Text, class_name: str = "", **props: Any) -> rx.Component:
    """A round button of 44 px; `label` is its accessible name."""
    props.setdefault("type", "button")
    return rx.el.button(
        icon(icon_name, "size-6"),
        aria_label=label,
        class_name=f"{recipes.ICON_BUTTON} {class_name}".strip(),
        **props,
    )


def icon_link(icon_name: str, label: Text, href: str, class_name: str = "", **props: Any) -> rx.Component:
    """The same as a link that loads the page anew."""
    return anchor(
        icon(icon_name, "size-6"),
        href=href,
        aria_label=label,
        class_name=f"{recipes.ICON_BUTTON} {class_name}".strip(),
        **props,
    )


def segmented_nav(label: Text, items: Sequence[tuple[Text, str]], current: str, class_name: str = "") -> rx.Component:
    """Two or three pages as one control; `items` are (text, address)."""
    return rx.el.nav(
        *(
            anchor(text, href=href, class_name=recipes.SEGMENT_LINK, **_current(href == current))
            for text, href in items
        ),
        aria_label=label,
        class_name=f"{recipes.SEGMENTS} dark:bg-surface {class_name}".strip(),
    )


def segmented_choice(
    legend: Text, name: str, items: Sequence[tuple[Text, str, bool | rx.Var[bool], Any]], class_name: str = ""
) -> rx.Component:
    """Two or three values of a setting as radios; `items` are (text, icon or "", is chosen, event of choosing)."""
    return rx.el.fieldset(
        rx.el.legend(legend, class_name="text-sm font-semibold"),
        rx.el.div(
            *(
                rx.el.label(
                    rx.el.input(type="radio", name=name, checked=chosen, on_change=event, class_name="sr-only"),
                    *_with_icon(icon_name, text, "size-4.5"),
                    class_name=recipes.SEGMENT_RADIO,
                )
                for text, icon_name, chosen, event in items
            ),
            class_name=f"mt-2 {recipes.SEGMENTS}",
        ),
        class_name=class_name,
    )


def chip(label: Text, is_on: bool | rx.Var[bool], **props: Any) -> rx.Component:
    """A pill that is on or off."""
    return rx.el.button(
        label,
        type="button",
        aria_pressed=rx.cond(is_on, "true", "false"),
        class_name=rx.cond(is_on, recipes.CHIP_ON, recipes.CHIP),
        **props,
    )


def tag(label: Text, tone: str = "quiet", icon_name: str = "") -> rx.Component:
    """A small mark with a word; `tone` is one of `recipes.TONES`."""
    return rx.el.span(*_with_icon(icon_name, label, "size-4"), class_name=f"{recipes.TAG} {recipes.TONES[tone]}")


def _with_icon(icon_name: str, label: Any, size: str = "size-5") -> list[Any]:
    return [icon(icon_name, size), label] if icon_name else [label]


def _current(is_current: bool) -> dict[str, Any]:
    return {"aria_current": "page"} if is_current else {}
