"""/profile: who; language, theme, notifications; by which password, on which devices; the way out."""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.profile.state import DeviceView, EventView, ProfileState
from cabinet.ui.profile.views import TopicView
from cabinet.ui.shell import cabinet_page, frame, language_choice, theme_choice

MIN_PASSWORD_LENGTH = 10
_COLUMNS = "grid grid-cols-1 gap-6 lg:grid-cols-2 lg:items-start"
_COLUMN = "min-w-0 space-y-6"


@cabinet_page(route="/profile", title="Профиль", access="subscriber", on_load=ProfileState.load)
def profile() -> rx.Component:
    """The forms stand in the page from the beginning: the server's words for them are written before React arrives."""
    return frame(
        rx.cond(
            ProfileState.is_ready,
            rx.fragment(),
            kit.unread(ProfileState, t("Не получилось загрузить данные"), ProfileState.load, _skeleton()),
        ),
        rx.cond(ProfileState.done, rx.el.div(kit.note("ok", ProfileState.done), class_name="mb-6"), rx.fragment()),
        rx.cond(
            ProfileState.trouble, rx.el.div(kit.note("warn", ProfileState.trouble), class_name="mb-6"), rx.fragment()
        ),
        rx.el.div(
            rx.el.div(_person(), _security(), _look(), _notifications(), _email(), class_name=_COLUMN),
            rx.el.div(_password(), _devices(), _history(), _way_out(), class_name=_COLUMN),
            class_name=rx.cond(ProfileState.is_ready, _COLUMNS, "hidden"),
        ),
        kit.form_script(),
        here="/profile/",
        title="Профиль",
        of=ProfileState,
        back="/",
    )


def _person() -> rx.Component:
    return rx.el.div(
        rx.el.span(
            ProfileState.initial,
            aria_hidden="true",
            class_name="flex size-14 shrink-0 items-center justify-center rounded-full bg-ink text-xl font-semibold "
            "text-bg",
        ),
        rx.el.div(
            rx.el.h2(ProfileState.name, class_name="text-lg font-bold"),
            rx.el.p(
                rx.el.span(ProfileState.number, " ·"),
                " ",
                rx.el.span(ProfileState.account),
                class_name="text-sm text-muted",
            ),
            class_name="min-w-0 flex-1 basis-44",
        ),
        class_name="flex flex-wrap items-center gap-4 rounded-lg bg-surface p-5 shadow-card",
    )


def _security() -> rx.Component:
    """How things stand; the rows lead to where they are changed."""
    last = rx.cond(ProfileState.last_sign_in, t("Последний — {moment}", moment=ProfileState.last_sign_in), "")
    return rx.el.section(
        rx.el.h2(t("Безопасность"), id="security", class_name="mb-3 text-lg font-bold"),
        kit.list_card(
            kit.list_row(t("Пароль"), ProfileState.password, icon_name="key", to="#password-section"),
            kit.list_row(t("Устройства"), ProfileState.device_count, icon_name="smartphone", to="#devices"),
            kit.list_row(t("История входов"), last, icon_name="history", to="#history"),
            kit.list_row(
                t("История изменений"),
                t("Что подключали и меняли, как отменить"),
                icon_name="list_checks",
                to="/orders/",
            ),
            kit.list_row(
                t("Кто и что делал с моим номером"),
                t("Каждое действие сотрудников, с причиной"),
                icon_name="shield",
                to="/profile/actions/",
            ),
        ),
        aria_labelledby="security",
    )


# --- notifications ----------------------------------------------------------------------------------------------------


def _notifications() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("Уведомления"), id="notifications", class_name="mb-3 text-lg font-bold"),
        rx.el.ul(rx.foreach(ProfileState.topics, _topic), class_name=recipes.LIST_CARD),
        rx.el.p(
            t("Всё это видно и в кабинете, под колокольчиком."),
            " ",
            ProfileState.quiet,
            class_name=f"px-1 {recipes.HINT}",
        ),
        aria_labelledby="notifications",
    )


def _topic(topic: rx.Var[TopicView]) -> rx.Component:
    fixed = rx.el.label(
        rx.el.span(topic.title, class_name="sr-only"),
        rx.el.input(
            id=f"{topic.topic}-fixed",
            type="checkbox",
            role="switch",
            checked=True,
            read_only=True,
            disabled=True,
            class_name="switch",
        ),
        html_for=f"{topic.topic}-fixed",
        class_name="flex min-h-11 items-center",
    )
    return rx.el.li(
        rx.el.div(
            rx.el.p(topic.title, class_name="font-medium"),
            rx.el.p(topic.second, class_name="text-sm text-muted"),
            class_name="min-w-0 grow basis-44",
        ),
        rx.el.div(
            rx.cond(topic.has_sms, _way(topic, "sms", "SMS", topic.sms), rx.fragment()),
            rx.cond(topic.has_email, _way(topic, "email", "E-mail", topic.email), rx.fragment()),
            rx.cond(topic.is_fixed, fixed, rx.fragment()),
            class_name="flex flex-wrap gap-x-5 empty:hidden",
        ),
        key=topic.topic,
        class_name="flex min-h-16 flex-wrap items-center gap-x-4 px-5 py-3",
    )


def _way(topic: rx.Var[TopicView], way: str, name: str, is_on: rx.Var[bool]) -> rx.Component:
    id = f"{topic.topic}-{way}"
    return rx.el.label(
        rx.el.span(name, rx.el.span(topic.title, class_name="sr-only"), class_name="text-sm text-muted"),
        kit.switch(id, is_on, ProfileState.answers, ProfileState.choose(topic.topic, way, ~is_on)),
        html_for=id,
        class_name="flex min-h-11 cursor-pointer items-center gap-2",
    )


def _email() -> rx.Component:
    return rx.el.div(
        kit.card(
            rx.el.p(
                rx.cond(ProfileState.email, ProfileState.email, t("Не указан: письма не приходят.")),
                class_name="mt-1 text-sm break-words text-muted",
            ),
            rx.cond(
                ProfileState.waiting,
                rx.el.div(
                    kit.note(
                        "info",
                        t("Подтвердите {address}", address=ProfileState.waiting),
                        t("Откройте ссылку из письма: она действует сутки."),
                    ),
                    class_name="mt-4 break-words",
                ),
                rx.fragment(),
            ),
            rx.el.div(
                rx.el.p(t("Чтобы сменить или убрать адрес, сначала подтвердите, что это вы."), class_name="text-sm"),
                kit.link_action(t("Подтвердить кодом из SMS"), "#password-section", "key"),
                class_name=_only_if(ProfileState.needs_code),
            ),
            rx.el.div(
                kit.form(
                    "/auth/profile/email",
                    kit.text_field(
                        t("Новый адрес"),
                        "email",
                        hint=t("Пришлём туда письмо со ссылкой."),
                        type="email",
                        auto_complete="email",
                        max_length=120,
                        required=True,
                    ),
                    kit.submit(t("Отправить письмо"), "secondary"),
                    class_name="space-y-4",
                ),
                rx.cond(
                    ProfileState.email,
                    kit.form("/auth/profile/email/remove", kit.submit(t("Убрать адрес"), "outline")),
                    rx.fragment(),
                ),
                class_name=_only_if(~ProfileState.needs_code),
            ),
            title=t("E-mail для уведомлений"),
            id="email-section",
        ),
        class_name=rx.cond(ProfileState.has_mail, "", "hidden"),
    )


# --- the password -----------------------------------------------------------------------------------------------------


def _password() -> rx.Component:
    return kit.card(
        rx.el.p(ProfileState.password, class_name="mt-1 text-sm text-muted"),
        rx.el.div(
            kit.confirmation(
                t("Чтобы сменить пароль, адрес e-mail или лимит расходов, подтвердите кодом из SMS, что это вы."),
                "/profile/",
            ),
            class_name=_only_if(ProfileState.needs_code),
        ),
        rx.el.div(_new_password(), _no_password(), class_name=_only_if(~ProfileState.needs_code)),
        title=t("Пароль"),
        id="password-section",
    )


def _only_if(shown: Any) -> rx.Var[str]:
    """Hidden, and not left out: what the server has written into the forms has to stay."""
    return rx.cond(shown, "mt-4 space-y-3", "hidden")


def _new_password() -> rx.Component:
    rule = t("{count} знаков или больше. Пробелы и русские буквы можно.", count=MIN_PASSWORD_LENGTH)
    return kit.form(
        "/auth/profile/password",
        # Lets a password manager keep the password under the number.
        kit.text_input(
            name="username",
            fill="number",
            type="text",
            auto_complete="username",
            tab_index=-1,
            aria_hidden="true",
            class_name="sr-only",
        ),
        kit.password_field(t("Новый пароль"), is_new=True, hint=rx.el.p(rule, class_name=recipes.HINT)),
        kit.submit(t("Сохранить пароль"), "secondary"),
        class_name="space-y-4",
    )


def _no_password() -> rx.Component:
    return rx.cond(
        ProfileState.has_password,
        kit.form("/auth/profile/password/remove", kit.submit(t("Убрать пароль, входить по коду"), "outline")),
        rx.fragment(),
    )


# --- devices and sign-ins ---------------------------------------------------------------------------------------------


def _devices() -> rx.Component:
    everywhere = kit.form(
        "/auth/sign-out-everywhere",
        rx.el.input(type="hidden", name="keep", value="1"),
        rx.el.button(
            kit.icon("sign_out"),
            t("Выйти на всех, кроме этого"),
            type="submit",
            class_name=f"{recipes.LINK_ACTION} text-sm",
        ),
        class_name="mt-1",
    )
    return rx.el.section(
        rx.el.h2(t("Устройства"), id="devices", class_name="mb-3 text-lg font-bold"),
        kit.list_card(rx.foreach(ProfileState.devices, _device)),
        rx.cond(ProfileState.has_other_devices, everywhere, rx.fragment()),
        aria_labelledby="devices",
    )


def _device(device: DeviceView) -> rx.Component:
    end = kit.form(
        "/auth/sessions/end",
        rx.el.input(type="hidden", name="session_id", value=device.session_id),
        rx.el.button(
            t("Выйти"),
            type="submit",
            aria_label=rx.Var.create(f"{t('Выйти на устройстве')} {device.name}"),
            class_name="inline-flex min-h-11 items-center rounded-md px-3 text-sm font-semibold text-bad "
            "hover:bg-bad-soft",
        ),
    )
    icon = rx.cond(device.icon == "monitor", kit.icon("monitor"), kit.icon("smartphone"))
    return rx.el.li(
        rx.el.span(icon, class_name=f"{recipes.TILE} {recipes.TONES['quiet']}"),
        rx.el.span(
            rx.el.span(device.name, class_name="block font-medium"),
            rx.el.span(device.second, class_name="block text-sm text-muted"),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(device.is_present, kit.tag(t("Это вы"), "ok"), end),
        key=device.session_id,
        class_name=recipes.LIST_ROW,
    )


def _history() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("История входов"), id="history", class_name="mb-3 text-lg font-bold"),
        rx.cond(
            ProfileState.events,
            kit.list_card(rx.foreach(ProfileState.events, _event)),
            rx.el.p(t("Входов ещё не было."), class_name="text-sm text-muted"),
        ),
        rx.cond(ProfileState.has_older, kit.older(ProfileState.show_older), rx.fragment()),
        aria_labelledby="history",
    )


def _event(event: EventView) -> rx.Component:
    icon = rx.match(
        event.icon, *((name, kit.icon(name)) for name in ("check", "close", "sign_out", "key")), rx.fragment()
    )
    tones = [(name, f"{recipes.TILE} {recipes.TONES[tone]}") for name, tone in (("check", "ok"), ("close", "bad"))]
    return rx.el.li(
        rx.el.span(icon, class_name=rx.match(event.icon, *tones, f"{recipes.TILE} {recipes.TONES['quiet']}")),
        rx.el.span(
            rx.el.span(event.title, class_name="block font-medium"),
            rx.el.span(event.second, class_name="block text-sm text-muted"),
            class_name="min-w-0 flex-1",
        ),
        class_name=recipes.LIST_ROW,
    )


# --- the rest ---------------------------------------------------------------------------------------------------------


def _look() -> rx.Component:
    return kit.card(language_choice("mt-3"), theme_choice("mt-4"), title=t("Язык и оформление"), id="look")


def _way_out() -> rx.Component:
    return kit.form("/auth/sign-out", kit.button(t("Выйти"), "danger", "sign_out", class_name="w-full", type="submit"))


def _skeleton() -> rx.Component:
    """Blocks of the sizes that the sections usually have."""

    def block(size: str, *bones: rx.Component) -> rx.Component:
        return rx.el.div(*bones, class_name=f"{size} rounded-lg bg-surface p-5 shadow-card")

    person = block(
        "flex h-24 items-center gap-4",
        kit.bone("size-14 shrink-0 rounded-full"),
        rx.el.div(kit.bone("h-6 w-32"), kit.bone("mt-1.5 h-4.5 w-56 max-w-full"), class_name="flex-1"),
    )
    security = rx.el.div(
        kit.bone("mb-3 h-6 w-40"), block("h-[17.5rem]", *(kit.bone("mb-6 h-10 w-60 max-w-full") for _ in range(4)))
    )
    look = block("h-64", kit.bone("h-6 w-48"), kit.bone("mt-10 h-13 w-full"), kit.bone("mt-10 h-13 w-full"))
    notifications = rx.el.div(
        kit.bone("mb-3 h-6 w-40"), block("h-[19rem]", *(kit.bone("mb-6 h-11 w-full") for _ in range(4)))
    )
    password = block("h-[17rem]", kit.bone("h-6 w-28"), kit.bone("mt-2 h-4.5 w-56"), kit.bone("mt-11 h-14 w-full"))
    history = block("h-[26rem]", *(kit.bone("mb-7 h-10 w-60 max-w-full") for _ in range(5)))
    return kit.loading(
        rx.el.div(person, security, look, notifications, class_name=_COLUMN),
        rx.el.div(password, history, class_name=_COLUMN),
        class_name=_COLUMNS,
    )
