"""/staff/offers: promotions made, previewed, published and stopped; their promo codes and figures."""

from typing import Any

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import kit
from cabinet.ui.desk.frame import behind_a_word, staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.promotions.desk_form import NUMBERS
from cabinet.ui.promotions.desk_state import DeskOffersState, DeskOfferState
from cabinet.ui.promotions.desk_views import Choice, DeskCardView, SeriesView
from cabinet.ui.promotions.parts import hero
from cabinet.ui.promotions.views import TONES
from cabinet.ui.shell import cabinet_page

_FORM = DeskOfferState.form
_CARD = DeskOfferState.card
_AREA = f"{recipes.FIELD} h-auto py-3"
_SELECT = f"{recipes.FIELD} appearance-auto"
_ROW = "grid grid-cols-1 gap-4 sm:grid-cols-3"


@cabinet_page(route="/staff/offers", title="Акции", access="staff", on_load=DeskOffersState.load)
def desk_offers() -> rx.Component:
    """All promotions with what came of them."""
    return staff_frame(
        rx.cond(
            DeskOffersState.is_ready,
            rx.cond(
                DeskOffersState.cards,
                rx.el.ul(rx.foreach(DeskOffersState.cards, _card), class_name="mt-5 max-w-[60rem] space-y-4"),
                kit.empty_block(
                    "gift", t("Акций ещё не было"), t("Сделайте первую: до публикации её никто не увидит.")
                ),
            ),
            kit.loading(kit.bone("mt-5 h-72 w-full")),
        ),
        here="/staff/offers/",
        title=t("Акции"),
        lead=t("Кто присоединился, получит обещанное, что бы с акцией ни стало."),
        action=kit.button_link(t("Новая акция"), "/staff/offers/edit/", "primary", "plus"),
        permission=Permission.OFFERS,
    )


def _card(card: rx.Var[DeskCardView]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                _state(card),
                rx.el.h2(
                    kit.page_link(
                        card.title,
                        to=card.address,
                        class_name="inline-flex min-h-11 items-center underline-offset-4 hover:underline",
                    ),
                    class_name="text-lg font-bold wrap-anywhere",
                ),
                rx.el.p(card.gives, class_name="text-sm wrap-anywhere"),
                rx.el.p(card.dates, " · ", card.code, class_name="mt-1 text-sm text-muted wrap-anywhere"),
                rx.el.p(card.unpublished, class_name="mt-1 text-sm font-medium text-warn empty:hidden"),
                class_name="min-w-0 flex-1 basis-64",
            ),
            _figures(card),
            class_name="flex flex-wrap justify-between gap-4",
        ),
        key=card.code,
        class_name=recipes.CARD,
    )


def _state(card: rx.Var[DeskCardView]) -> rx.Component:
    return rx.match(
        card.tone,
        *((tone, kit.tag(card.state, tone)) for tone in ("ok", "info", "warn")),
        kit.tag(card.state),
    )


def _figures(card: rx.Var[DeskCardView]) -> rx.Component:
    def figure(name: kit.Text, value: kit.Text) -> rx.Component:
        return rx.el.div(
            rx.el.dt(name, class_name="text-xs text-muted"),
            rx.el.dd(value, class_name="text-lg font-bold tabular-nums"),
        )

    return rx.el.dl(
        figure(t("Видели"), card.shown),
        figure(t("Участвуют"), card.joined),
        figure(t("Вышли"), card.left),
        figure(t("Стоила"), card.cost),
        class_name="grid grid-cols-2 gap-x-6 gap-y-2 sm:grid-cols-4",
    )


# --- one of them -----------------------------------------------------------------------------------------------------


@cabinet_page(route="/staff/offers/edit", title="Акция", access="staff", on_load=DeskOfferState.load)
def desk_offer() -> rx.Component:
    """A promotion that is made or changed."""
    return staff_frame(
        rx.cond(
            DeskOfferState.is_ready,
            rx.cond(
                DeskOfferState.is_missing,
                kit.empty_block(
                    "gift", t("Такой акции нет"), "", kit.button_link(t("Все акции"), "/staff/offers/", "secondary")
                ),
                _editor(),
            ),
            kit.loading(kit.bone("mt-5 h-72 w-full")),
        ),
        here="/staff/offers/",
        title=rx.cond(DeskOfferState.is_new, t("Новая акция"), t("Акция")),
        action=kit.page_action(t("Все акции"), "/staff/offers/", "arrow_left"),
        permission=Permission.OFFERS,
    )


def _editor() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.cond(DeskOfferState.refusal, kit.note("bad", DeskOfferState.refusal), rx.fragment()),
            rx.cond(DeskOfferState.note, kit.note("ok", DeskOfferState.note), rx.fragment()),
            class_name="space-y-4 empty:hidden",
        ),
        rx.cond(DeskOfferState.is_new, rx.fragment(), _standing()),
        rx.el.form(
            _words(),
            _rewards(),
            _audience(),
            kit.button(t("Сохранить"), type="submit", class_name="w-full sm:w-auto"),
            on_submit=DeskOfferState.save,
            reset_on_submit=False,
            key=DeskOfferState.key.to_string(),
            class_name="space-y-5",
        ),
        rx.cond(DeskOfferState.is_new, rx.fragment(), _codes()),
        class_name="mt-5 max-w-[48rem] space-y-5",
    )


def _standing() -> rx.Component:
    """Where it stands, what came of it, and what can be done with it."""
    return rx.el.section(
        rx.el.div(_state(_CARD), rx.el.p(_CARD.dates, class_name="text-sm text-muted"), class_name="flex gap-3"),
        rx.el.div(_figures(_CARD), class_name="mt-3"),
        rx.el.p(_CARD.unpublished, class_name="mt-3 text-sm font-medium text-warn empty:hidden"),
        rx.el.div(
            kit.button(t("Посмотреть, кому подходит"), "secondary", "users", on_click=DeskOfferState.look),
            rx.cond(
                _CARD.can_publish,
                kit.button(t("Опубликовать"), on_click=DeskOfferState.publish),
                rx.fragment(),
            ),
            class_name="mt-4 flex flex-wrap gap-3",
        ),
        rx.cond(DeskOfferState.preview.count, _preview(), rx.fragment()),
        rx.cond(_CARD.can_stop, _stop(), rx.fragment()),
        aria_label=t("Состояние акции"),
        class_name=recipes.CARD,
    )


def _preview() -> rx.Component:
    preview = DeskOfferState.preview
    return rx.el.div(
        rx.el.p(preview.count, class_name="font-semibold"),
        rx.el.ul(
            rx.foreach(preview.sample, lambda line: rx.el.li(line)),
            class_name="mt-1 space-y-1 text-sm empty:hidden",
        ),
        rx.el.p(t("Так её увидит абонент:"), class_name="mt-4 mb-2 text-sm text-muted"),
        hero(
            rx.el.p(_CARD.dates, class_name="text-sm font-medium"),
            rx.el.p(_FORM.title, class_name="mt-1 max-w-[20rem] text-2xl font-bold text-balance wrap-anywhere"),
            rx.el.p(_FORM.teaser, class_name="mt-3 max-w-[26rem] text-sm wrap-anywhere empty:hidden"),
        ),
        role="status",
        class_name="mt-4 rounded-md bg-sunken p-4",
    )


def _stop() -> rx.Component:
    return behind_a_word(
        t("Остановить акцию…"),
        t("Присоединиться больше будет нельзя, и снова её не запустить. Кто участвует, обещанное получит."),
        t("Остановить"),
        DeskOfferState.stop,
    )


def _group(title: kit.Text, *children: Any, hint: kit.Text = "") -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(title, class_name="float-left mb-3 w-full text-lg font-bold"),
        rx.el.p(hint, class_name="clear-both mb-4 text-sm text-muted empty:hidden"),
        rx.el.div(*children, class_name="clear-both space-y-4"),
        class_name=recipes.CARD,
    )


def _field(label: kit.Text, name: str, value: kit.Text, hint: kit.Text = "", **props: Any) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name=recipes.LABEL),
        rx.el.input(
            id=name,
            name=name,
            default_value=value,
            auto_complete="off",
            aria_describedby=f"{name}-hint",
            class_name=recipes.FIELD,
            **props,
        ),
        rx.el.p(hint, id=f"{name}-hint", class_name=f"{recipes.HINT} empty:hidden"),
    )


def _select(label: kit.Text, name: str, value: kit.Text, *options: Any) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name=recipes.LABEL),
        rx.el.select(*options, id=name, name=name, default_value=value, class_name=_SELECT),
    )


def _option(choice: rx.Var[Choice]) -> rx.Component:
    return rx.el.option(choice.name, value=choice.value, key=choice.value)


def _words() -> rx.Component:
    return _group(
        t("Что увидит абонент"),
        rx.cond(
            DeskOfferState.is_new,
            _field(
                t("Код акции"),
                "code",
                "",
                t("Строчные латинские буквы, цифры, подчёркивание: autumn_20. Потом не меняется."),
                max_length=40,
                required=True,
            ),
            rx.fragment(),
        ),
        _field(t("Название"), "title", _FORM.title, max_length=80, required=True),
        _field(t("Коротко"), "teaser", _FORM.teaser, max_length=160),
        _lines(t("Полные правила"), "rules", _FORM.rules),
        rx.el.details(
            rx.el.summary(t("По-английски"), class_name="flex min-h-11 cursor-pointer items-center font-medium"),
            rx.el.p(t("Пустое показываем и по-английски русскими словами."), class_name=recipes.HINT),
            _field(t("Заголовок по-английски"), "title_en", _FORM.title_en, max_length=80),
            _field(t("Кратко по-английски"), "teaser_en", _FORM.teaser_en, max_length=160),
            _lines(t("Правила по-английски"), "rules_en", _FORM.rules_en),
            class_name="space-y-4",
        ),
        rx.el.div(
            _field(t("Первый день"), "starts_on", _FORM.starts_on, type="date", required=True),
            _field(t("Последний день"), "last_on", _FORM.last_on, t("Пусто — бессрочно"), type="date"),
            _field(t("Мест"), "places", _FORM.places, t("Пусто — без предела"), input_mode="numeric"),
            class_name=_ROW,
        ),
        _select(t("Значок"), "icon", _FORM.icon, *(rx.el.option(t(name), value=code) for code, name in _ICONS.items())),
        _tick("needs_code", t("Только по промокоду"), _FORM.needs_code),
    )


def _lines(label: kit.Text, name: str, value: rx.Var[str]) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name=recipes.LABEL),
        rx.el.textarea(id=name, name=name, default_value=value, rows="4", max_length=4000, class_name=_AREA),
    )


_ICONS = {
    "offer": "Скидка",
    "gift": "Подарок",
    "wifi": "Интернет",
    "phone": "Звонки",
    "plane": "Поездки",
    "music": "Развлечения",
    "users": "Близкие",
    "battery": "Заряд",
}


def _rewards() -> rx.Component:
    return _group(
        t("Что она даёт"),
        _field(t("Деньги на баланс, ₽"), "roubles", _FORM.roubles, input_mode="decimal"),
        rx.el.div(
            _field(t("Пакет, сколько"), "package_amount", _FORM.package_amount, input_mode="numeric"),
            _select(
                t("Чего"),
                "package_kind",
                _FORM.package_kind,
                rx.el.option(t("ГБ"), value="data"),
                rx.el.option(t("минут"), value="voice"),
                rx.el.option("SMS", value="sms"),
            ),
            _field(t("На сколько дней"), "package_days", _FORM.package_days, input_mode="numeric"),
            class_name=_ROW,
        ),
        rx.el.div(
            _field(t("Скидка"), "discount_size", _FORM.discount_size, input_mode="decimal"),
            _select(
                t("В чём"),
                "discount_unit",
                _FORM.discount_unit,
                rx.el.option(t("в процентах"), value="percent"),
                rx.el.option(t("в рублях"), value="roubles"),
            ),
            _field(t("На сколько плат"), "discount_periods", _FORM.discount_periods, input_mode="numeric"),
            class_name=_ROW,
        ),
        _select(
            t("Скидка на что"),
            "discount_on",
            _FORM.discount_on,
            rx.el.option(t("плату за тариф"), value="plan:"),
            rx.foreach(DeskOfferState.discounted, _option),
        ),
        hint=t("Заполните одно или несколько. Пустое не даётся."),
    )


def _audience() -> rx.Component:
    return _group(
        t("Кому"),
        _ticks(t("Тарифы"), DeskOfferState.plans),
        _ticks(t("Регионы"), DeskOfferState.regions),
        rx.el.div(
            _select(
                t("Подключена услуга"),
                "has_option",
                _FORM.has_option,
                rx.el.option(t("неважно"), value=""),
                rx.foreach(DeskOfferState.options, _option),
            ),
            _select(
                t("Не подключена услуга"),
                "has_no_option",
                _FORM.has_no_option,
                rx.el.option(t("неважно"), value=""),
                rx.foreach(DeskOfferState.options, _option),
            ),
            class_name="grid grid-cols-1 gap-4 sm:grid-cols-2",
        ),
        *(_bounds(fact, name) for fact, name in NUMBERS),
        hint=t("Все условия вместе. Что не заполнено — неважно; ничего не заполнено — всем."),
    )


def _bounds(fact: str, name: str) -> rx.Component:
    def bound(end: str, word: kit.Text) -> rx.Component:
        field = f"{fact}-{end}"
        return rx.el.label(
            rx.el.span(word, class_name="text-sm text-muted"),
            rx.el.input(
                id=field,
                name=field,
                default_value=_FORM.bounds.get(field, ""),
                input_mode="numeric",
                auto_complete="off",
                aria_label=rx.Var.create(f"{t(name)}, {word}"),
                class_name=recipes.FIELD,
            ),
            class_name="flex min-w-0 flex-1 items-center gap-2",
        )

    return rx.el.div(
        rx.el.p(t(name), class_name="w-full text-sm font-semibold sm:w-56"),
        rx.el.div(bound("least", t("от")), bound("most", t("до")), class_name="flex flex-1 gap-3"),
        class_name="flex flex-wrap items-center gap-x-4 gap-y-1.5",
    )


def _tick(name: Any, label: kit.Text, is_on: Any, key: Any = None) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, value="1", default_checked=is_on, class_name="choice"),
        rx.el.span(label),
        class_name="flex min-h-11 cursor-pointer items-center gap-3",
        **({} if key is None else {"key": key}),
    )


def _ticks(legend: kit.Text, choices: rx.Var[list[Choice]]) -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(legend, class_name="text-sm font-semibold"),
        rx.el.div(
            rx.foreach(
                choices,
                lambda choice: _tick(choice.value, choice.name, _FORM.picked.contains(choice.value), choice.value),
            ),
            class_name="grid grid-cols-1 gap-x-4 sm:grid-cols-2 md:grid-cols-3",
        ),
    )


# --- promo codes -----------------------------------------------------------------------------------------------------


def _codes() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("Промокоды"), id="codes", class_name=recipes.CARD_TITLE),
        rx.el.ul(rx.foreach(DeskOfferState.series, _series), class_name="mt-3 divide-y divide-line empty:hidden"),
        rx.el.form(
            _field(t("Название серии"), "series_name", "", max_length=80, required=True),
            rx.el.div(
                _field(t("Сколько кодов"), "count", "100", t("До 100 000, по 12 знаков"), input_mode="numeric"),
                _field(t("Применений у каждого"), "uses_each", "1", input_mode="numeric"),
                _field(t("Последний день кодов"), "series_last_on", "", t("Пусто — бессрочно"), type="date"),
                class_name=_ROW,
            ),
            _field(t("Своё слово вместо случайных"), "word", "", t("Один код, например OSEN25"), max_length=24),
            kit.button(t("Сделать промокоды"), "secondary", type="submit"),
            on_submit=DeskOfferState.make_codes,
            reset_on_submit=True,
            class_name="mt-4 space-y-4",
        ),
        aria_labelledby="codes",
        class_name=recipes.CARD,
    )


def _series(series: rx.Var[SeriesView]) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.el.span(series.name, class_name="block font-medium wrap-anywhere"),
            rx.el.span(series.about, class_name="block text-sm text-muted"),
            class_name="min-w-0 flex-1",
        ),
        kit.link_action(t("Скачать CSV"), kit.backend_url(series.file), "download"),
        class_name="flex flex-wrap items-center gap-x-4 py-2",
        key=series.file,
    )


assert set(_ICONS) == set(TONES)  # noqa: S101  every icon has a name
