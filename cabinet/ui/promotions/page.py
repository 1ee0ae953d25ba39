"""/offers: what was picked for the subscriber, promo codes, all other promotions, and those that were joined."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.promotions.parts import hero, picture
from cabinet.ui.promotions.state import OffersState
from cabinet.ui.promotions.views import CardView
from cabinet.ui.quotes import quote_sheet
from cabinet.ui.shell import cabinet_page, frame

_CARD = "flex h-full items-start gap-4 rounded-lg bg-surface p-5 shadow-card hover:bg-sunken"
_GRID = "grid grid-cols-1 gap-4 sm:grid-cols-2"


@cabinet_page(route="/offers", title="Акции", access="subscriber", on_load=OffersState.load)
def offers() -> rx.Component:
    """Promotions and special offers."""
    return frame(
        kit.refresher(OffersState.refresh),
        rx.cond(
            OffersState.is_ready,
            _everything(),
            kit.unread(OffersState, t("Не получилось загрузить акции"), OffersState.load, _skeleton()),
        ),
        quote_sheet(on_done=OffersState.refresh),
        here="/offers/",
        title="Акции",
        of=OffersState,
    )


def _everything() -> rx.Component:
    return rx.el.div(
        rx.cond(OffersState.best.code, _best(), _nothing()),
        _promo_code(),
        _section(t("Все предложения"), "offers", OffersState.cards),
        _section(t("Вы участвуете"), "joined", OffersState.joined),
        kit.freshness(OffersState.has_failed, OffersState.as_of, OffersState.refresh),
        class_name="space-y-6",
    )


def _best() -> rx.Component:
    best = OffersState.best
    return rx.el.section(
        rx.el.h2(t("Подобрали для вас"), id="best", class_name="mb-3 text-lg font-bold"),
        kit.page_link(
            hero(
                rx.el.span(best.until, class_name="block text-sm font-medium"),
                rx.el.span(best.title, class_name="mt-1 block max-w-[20rem] text-2xl font-bold text-balance"),
                rx.el.span(best.teaser, class_name="mt-3 block max-w-[26rem] text-sm empty:hidden"),
                rx.el.span(
                    t("Подробнее"),
                    kit.icon("arrow_right", "size-5"),
                    class_name="mt-4 inline-flex min-h-11 items-center gap-2 rounded-md bg-on-hero px-4 font-semibold "
                    "text-hero-2",
                ),
            ),
            to=best.address,
            class_name="block rounded-xl",
        ),
        aria_labelledby="best",
    )


def _nothing() -> rx.Component:
    return kit.empty_block(
        "offer",
        t("Сейчас новых предложений нет"),
        t("Появится подходящее — покажем здесь и на главной."),
    )


def _promo_code() -> rx.Component:
    return rx.el.form(
        rx.el.label(t("Промокод"), html_for="promo_code", class_name=recipes.LABEL),
        rx.el.div(
            rx.el.input(
                id="promo_code",
                name="promo_code",
                auto_complete="off",
                auto_capitalize="characters",
                spell_check=False,
                max_length=40,
                aria_invalid=rx.cond(OffersState.code_error, "true", "false"),
                aria_describedby="promo_code-error",
                class_name=f"{recipes.FIELD} min-w-0 flex-1 uppercase",
            ),
            kit.button(t("Применить"), "secondary", type="submit"),
            class_name="flex flex-wrap gap-2",
        ),
        rx.el.p(
            rx.cond(OffersState.code_error, kit.icon("alert", "size-5"), rx.fragment()),
            rx.el.span(OffersState.code_error),
            id="promo_code-error",
            role="alert",
            class_name="mt-2 flex gap-2 text-sm font-medium text-bad has-[span:empty]:hidden",
        ),
        on_submit=OffersState.redeem,
        reset_on_submit=False,
        class_name=f"{recipes.CARD} lg:max-w-[30rem]",
    )


def _section(title: kit.Text, id: str, cards: rx.Var[list[CardView]]) -> rx.Component:
    section = rx.el.section(
        rx.el.h2(title, id=id, class_name="mb-3 text-lg font-bold"),
        rx.el.ul(rx.foreach(cards, _card), class_name=_GRID),
        aria_labelledby=id,
    )
    return rx.cond(cards, section, rx.fragment())


def _card(card: rx.Var[CardView]) -> rx.Component:
    return rx.el.li(
        kit.page_link(
            picture(card.icon),
            rx.el.span(
                rx.cond(
                    card.state,
                    rx.el.span(
                        rx.cond(card.is_running, kit.tag(card.state, "ok", "check"), kit.tag(card.state, "quiet")),
                        class_name="mb-1.5 block",
                    ),
                    rx.fragment(),
                ),
                rx.el.span(card.title, class_name="block text-base font-bold"),
                rx.el.span(card.teaser, class_name="mt-1 block text-sm text-muted empty:hidden"),
                rx.el.span(card.left, class_name="mt-1 block text-sm font-medium first-letter:uppercase empty:hidden"),
                rx.cond(
                    card.until,
                    rx.el.span(
                        kit.icon("clock", "size-4"),
                        card.until,
                        class_name="mt-2 flex items-center gap-1.5 text-xs font-medium text-muted",
                    ),
                    rx.fragment(),
                ),
                class_name="min-w-0 flex-1",
            ),
            to=card.address,
            class_name=_CARD,
        ),
        key=card.code,
    )


def _skeleton() -> rx.Component:
    """Blocks of the sizes that the promotions usually have."""
    card = rx.el.div(
        kit.bone("size-14 shrink-0 rounded-lg"),
        rx.el.div(kit.bone("h-5 w-44 max-w-full"), kit.bone("mt-2 h-4.5 w-36"), class_name="flex-1"),
        class_name="flex h-32 gap-4 rounded-lg bg-surface p-5 shadow-card",
    )
    return kit.loading(
        rx.el.div(
            kit.bone("h-6 w-44"),
            kit.bone("h-56 w-full rounded-xl"),
            kit.bone("h-36 w-full rounded-lg lg:max-w-[30rem]"),
            rx.el.div(card, card, class_name=_GRID),
            class_name="space-y-6",
        )
    )
