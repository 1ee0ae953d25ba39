"""Plain HTML forms that work before and without scripts, their fields, and the places the server writes into.

A *slot* is an element whose content the server puts into the prerendered page; a *fill* is an input whose `value`
it puts there. React is told nothing about either, so it leaves both alone when it takes the page over.
A field is a `group`: when the slot of its error is not empty, its border turns red.
"""

from collections.abc import Sequence
from typing import Any

import reflex as rx
from reflex.utils.exec import is_prod_mode
from reflex_base.components.component import Component, field
from reflex_base.config import get_config
from reflex_components_core.el.elements.base import BaseHTML

from cabinet.domain.support import UPLOADED
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.kit.controls import Text, anchor, button, icon_button
from cabinet.ui.kit.icons import PATHS, icon

# A browser cuts what is pasted, and says nothing: a code comes with spaces, and of a password no letter may get lost.
CODE_FIELD_LENGTH = 16
PASSWORD_FIELD_LENGTH = 1000


class PlainForm(BaseHTML):
    """A form that the browser itself sends: Reflex's own stops posting once React has taken over."""

    tag = "form"
    _is_form_control = False

    action: rx.Var[str] = field(doc="Where to send the fields")
    method: rx.Var[str] = field(doc="`get` or `post`")


def backend_url(path: str) -> str:
    """The address of one of our HTTP routes for a form, link or picture: under `make dev` it is another port."""
    return path if is_prod_mode() else f"{get_config().api_url}{path}"


def form(action: str, *children: Any, class_name: str = "") -> rx.Component:
    """A form that posts to one of our HTTP routes, e.g. `/auth/code`."""
    return PlainForm.create(*children, action=backend_url(action), method="post", class_name=class_name)


def slot(name: str, element: Any = rx.el.span, **props: Any) -> rx.Component:
    """An empty element whose text the server writes: `<span data-slot="name"></span>`."""
    attributes = {
        "data-slot": name,
        "suppressHydrationWarning": True,
        "dangerouslySetInnerHTML": {"__html": ""},
    }
    return element(custom_attrs=attributes, **props)


def text_input(*, name: str, fill: str = "", **props: Any) -> rx.Component:
    """An input that the browser owns; with `fill` the server gives it a first value by that name."""
    attributes = props.pop("custom_attrs", {}) | {"suppressHydrationWarning": True}
    if fill:
        attributes["data-fill"] = fill
    return rx.el.input(name=name, custom_attrs=attributes, **props)


def field_error(name: str) -> rx.Component:
    """The place of a field's error, with its icon; not shown while slot `error_<name>` is empty."""
    return rx.el.p(
        icon("alert"),
        slot(f"error_{name}"),
        id=f"{name}-error",
        role="alert",
        class_name=recipes.FIELD_ERROR,
    )


def form_error() -> rx.Component:
    """The place of an error of the whole form: a red note, not shown while slot `error` is empty."""
    return rx.el.div(
        rx.el.span(icon("alert", "size-6"), class_name="text-bad"),
        slot("error", rx.el.p, class_name="min-w-0 flex-1 font-medium"),
        role="alert",
        class_name="flex gap-3 rounded-md bg-bad-soft p-4 has-[[data-slot]:empty]:hidden",
    )


def labelled(label: Text, name: str, *control: Any, hint: Text | rx.Component | None = None) -> rx.Component:
    """A field: label above, control, error, hint. The control has `id=name` and is described by both."""
    below = [] if hint is None else [rx.el.p(hint, id=f"{name}-hint", class_name=recipes.HINT)]
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name=recipes.LABEL),
        *control,
        field_error(name),
        *below,
        class_name="group",
    )


def text_field(label: Text, name: str, *, hint: Text | None = None, class_name: str = "", **props: Any) -> rx.Component:
    """A one-line field."""
    control = text_input(
        name=name,
        id=name,
        class_name=f"{recipes.FIELD} {class_name}",
        aria_describedby=_described_by(name, hint),
        **props,
    )
    return labelled(label, name, control, hint=hint)


def phone_field() -> rx.Component:
    """A mobile number: +7 stands before the field. Filled with `number`; its error goes to `error_number`."""
    box = rx.el.div(
        rx.el.span("+7", id="number-code", class_name="pl-4 text-lg font-medium text-muted"),
        text_input(
            name="number",
            fill="number",
            id="number",
            type="tel",
            input_mode="numeric",
            auto_complete="tel-national",
            max_length=32,
            required=True,
            aria_describedby="number-code number-error number-hint",
            class_name="h-full min-w-0 flex-1 bg-transparent px-2 text-lg font-medium outline-none",
        ),
        class_name="flex h-14 items-center rounded-md border border-edge bg-surface "
        "group-has-[[data-slot]:not(:empty)]:border-2 group-has-[[data-slot]:not(:empty)]:border-bad "
        f"{recipes.FOCUS_WITHIN}",
    )
    return labelled(t("Номер телефона"), "number", box, hint=t("10 цифр, без 8 и +7 в начале"))


def code_field(hint: Text | rx.Component) -> rx.Component:
    """A six-digit code: one real input over six drawn cells. Its error goes to `error_code`."""
    cell = (
        "h-16 rounded-md border border-edge bg-surface "
        "group-has-[[data-slot]:not(:empty)]:border-2 group-has-[[data-slot]:not(:empty)]:border-bad"
    )
    box = rx.el.div(
        rx.el.div(
            *(rx.el.span(class_name=cell) for _ in range(6)),
            class_name="grid grid-cols-6 gap-2",
            aria_hidden="true",
        ),
        text_input(
            name="code",
            id="code",
            input_mode="numeric",
            auto_complete="one-time-code",
            max_length=CODE_FIELD_LENGTH,
            required=True,
            auto_focus=True,
            aria_describedby="code-error code-hint",
            class_name="code-input absolute top-0 left-0 h-16 bg-transparent text-2xl font-bold tabular-nums "
            "outline-none",
        ),
        class_name=f"@container relative overflow-hidden rounded-md {recipes.FOCUS_WITHIN}",
    )
    return rx.el.div(
        rx.el.label(t("Код из SMS, 6 цифр"), html_for="code", class_name="sr-only"),
        box,
        field_error("code"),
        rx.el.p(hint, id="code-hint", class_name=recipes.HINT),
        class_name="group",
    )


def password_field(
    label: Text,
    *,
    name: str = "password",
    is_new: bool = False,
    hint: rx.Component | None = None,
    way_out: rx.Component | None = None,
) -> rx.Component:
    """A password with a toggle that shows it. Its error goes to `error_<name>`, `way_out` stands right under it."""
    box = rx.el.div(
        text_input(
            name=name,
            id=name,
            type="password",
            auto_complete="new-password" if is_new else "current-password",
            max_length=PASSWORD_FIELD_LENGTH,
            required=True,
            aria_describedby=_described_by(name, hint),
            class_name=f"{recipes.FIELD} pr-14",
        ),
        icon_button(
            "eye",
            t("Показать пароль"),
            class_name="absolute top-1.5 right-1.5",
            aria_pressed="false",
            data_show=name,
        ),
        class_name="relative",
    )
    below = [] if hint is None else [rx.el.div(hint, id=f"{name}-hint")]
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name=recipes.LABEL),
        box,
        field_error(name),
        *([] if way_out is None else [way_out]),
        *below,
        class_name="group",
    )


def captcha_field() -> rx.Component:
    """Letters from a picture, with another picture and speech. The server hides `#captcha-block` when it asks none."""
    return rx.el.div(
        rx.el.label(t("Буквы с картинки"), html_for="captcha", class_name=recipes.LABEL),
        # The ground is the box's: the picture alone is turned. Lazy: a hidden one is not fetched.
        rx.el.div(
            rx.el.img(
                src=backend_url("/auth/captcha.png"),
                alt=t("Картинка с буквами. Если не видно, нажмите «Прослушать»"),
                custom_attrs={"data-captcha": "picture", "width": "210", "height": "64", "loading": "lazy"},
                class_name="h-16 w-full object-contain turns-in-the-dark",
            ),
            class_name="rounded-md bg-sunken",
        ),
        rx.el.div(
            rx.el.button(
                icon("refresh", "size-4.5"),
                t("Другая картинка"),
                type="submit",
                form_action=backend_url("/auth/captcha"),
                form_no_validate=True,
                custom_attrs={"data-captcha": "another"},
                class_name=f"{recipes.LINK_ACTION} text-sm",
            ),
            anchor(
                icon("volume", "size-4.5"),
                t("Прослушать"),
                href=backend_url("/auth/captcha.wav"),
                custom_attrs={"data-captcha": "listen"},
                class_name=f"{recipes.LINK_ACTION} text-sm",
            ),
            class_name="flex flex-wrap gap-x-5",
        ),
        # Not `required`: the server may have hidden the block.
        text_input(
            name="captcha",
            id="captcha",
            custom_attrs={"data-secret": ""},
            auto_complete="off",
            auto_capitalize="none",
            spell_check=False,
            max_length=16,
            aria_describedby="captcha-error captcha-hint",
            class_name=f"{recipes.FIELD} font-medium tracking-[0.2em]",
        ),
        field_error("captcha"),
        rx.el.p(t("Большие или маленькие — не важно"), id="captcha-hint", class_name=recipes.HINT),
        id="captcha-block",
        custom_attrs={"suppressHydrationWarning": True},
        class_name="group",
    )


def text_area(*, id: str, class_name: str = "", **props: Any) -> rx.Component:
    """A field of several lines; as wide as its place, and it may be drawn taller."""
    props.setdefault("rows", "5")
    return rx.el.textarea(
        id=id,
        class_name=f"block w-full rounded-md border border-edge bg-surface px-4 py-3 text-base text-ink "
        f"placeholder:text-muted {class_name}".strip(),
        **props,
    )


def choice_chips(
    legend: Text, name: str, items: Sequence[tuple[Text, str]], chosen: Any = "", required: bool = True
) -> rx.Component:
    """One of a few values as pills; `items` are (text, value)."""
    return rx.el.fieldset(
        rx.el.legend(legend, class_name=recipes.LABEL),
        rx.el.div(
            *(
                rx.el.label(
                    rx.el.input(
                        type="radio",
                        name=name,
                        value=value,
                        default_checked=chosen == value,
                        required=required,
                        class_name="sr-only",
                    ),
                    text,
                    class_name=recipes.CHIP_RADIO,
                )
                for text, value in items
            ),
            class_name="flex flex-wrap gap-2",
        ),
    )


class FilePicker(Component):
    """Files of a form, sent as they are picked; see `runtime.js`."""

    library = "$/utils/kit"
    tag = "FilePicker"

    name: rx.Var[str] = field(doc="The field of the form that gets the files' numbers, with commas between")
    url: rx.Var[str] = field(doc="Where each is posted")
    most: rx.Var[int] = field(doc="How many")
    bytes: rx.Var[int] = field(doc="How large each")
    words: rx.Var[dict[str, str]] = field(doc="What it says")
    icons: rx.Var[dict[str, str]] = field(doc="What it draws")
    answer: rx.Var[int] = field(doc="Another number: the form is answered, its button is free")
    kept: rx.Var[int] = field(doc="Another number: the form is done with these files")


def file_picker(
    *children: Any,
    id: str,
    most: int,
    megabytes: int,
    answer: int | rx.Var[int],
    kept: int | rx.Var[int],
    url: str = "/files/",
) -> rx.Component:
    """Files of the form it stands in, in its field `files`; `children` has the label that opens it (`for` is `id`).

    While a file is on its way, or the form waits for its `answer`, the form is not sent.
    """
    words = {
        "many": t("К сообщению можно приложить не больше пяти файлов. Уберите лишние."),
        "large": t(
            "{size} — больше {most}\u202fМБ. Сократите запись или пришлите снимок.", size="{size}", most=megabytes
        ),
        "lost": t("Не отправился: связь прервалась."),
        "again": t("Ещё раз"),
        "sending": t("Отправляем"),
        "remove": t("Убрать файл"),
        "accept": ",".join(f".{extension}" for extension in UPLOADED),
    }
    return FilePicker.create(
        *children,
        id=id,
        name="files",
        url=backend_url(url),
        most=most,
        bytes=megabytes * 2**20,
        words=rx.Var.create(words),
        icons=rx.Var.create({"picture": PATHS["picture"], "file": PATHS["receipt"], "close": PATHS["close"]}),
        answer=answer,
        kept=kept,
    )


def confirmation(why: Text, page: str, keeps: str = "") -> rx.Component:
    """The fresh code that a remembered browser shows before something important, in two forms; needs `form_script`.

    `page` is the address it stands at, one of `sign_in.CONFIRMING`; it comes back with what was typed into the form
    with the id `keeps`. It has to stand in the page from the beginning, hidden where it is not needed: the server
    writes into it.
    """

    def back() -> rx.Component:
        return rx.el.input(type="hidden", name="next", default_value=page, custom_attrs={"data-keeps": keeps})

    return rx.fragment(
        rx.el.p(why, class_name="text-sm"),
        form_error(),
        form(
            "/auth/step-up/send",
            back(),
            submit(t("Отправить код"), "secondary"),
            rx.el.p(
                t("Отправить код снова можно через"),
                " ",
                slot("resend_in", class_name="tabular-nums"),
                class_name=f"{recipes.HINT} has-[[data-slot]:empty]:hidden",
            ),
        ),
        form(
            "/auth/step-up",
            back(),
            text_field(
                t("Код из SMS, 6 цифр"),
                "code",
                input_mode="numeric",
                auto_complete="one-time-code",
                max_length=CODE_FIELD_LENGTH,
                required=True,
            ),
            submit(t("Подтвердить"), "outline"),
            class_name="space-y-3",
        ),
    )


def form_script() -> rx.Component:
    """What a page of React needs for forms that the server writes into."""
    # The bare address is the mark of pages that live without React.
    return rx.el.script(src="/sign_in.js?profile", async_=True)


def live_field(
    label: Text, id: str, value: rx.Var[str], error: rx.Var[str], *, hint: Text, class_name: str = "", **props: Any
) -> rx.Component:
    """A one-line field of a page of React: `value` is what it begins with (another `key`: anew), `error` what is wrong
    with it, empty for nothing."""
    return rx.el.div(
        rx.el.label(label, html_for=id, class_name=recipes.LABEL),
        rx.el.input(
            id=id,
            name=id,
            default_value=value,
            aria_describedby=f"{id}-error {id}-hint",
            aria_invalid=rx.cond(error, "true", "false"),
            class_name=rx.cond(error, f"{recipes.FIELD_WRONG} {class_name}", f"{recipes.FIELD} {class_name}"),
            **props,
        ),
        rx.el.p(
            rx.cond(error, icon("alert"), rx.fragment()),
            error,
            id=f"{id}-error",
            role="alert",
            class_name="mt-2 flex gap-2 text-sm font-medium text-bad empty:hidden",
        ),
        rx.el.p(hint, id=f"{id}-hint", class_name=f"{recipes.HINT} empty:hidden"),
    )


def select_field(
    label: Text, id: str, value: rx.Var[str], options: rx.Var[Any], *, on_change: Any, **props: Any
) -> rx.Component:
    """A choice from a list; `options` have `value` and `text`, `value` is the one chosen at first."""
    return rx.el.div(
        rx.el.label(label, html_for=id, class_name=recipes.LABEL),
        rx.el.div(
            rx.el.select(
                rx.foreach(options, lambda one: rx.el.option(one.text, value=one.value, key=one.value)),
                id=id,
                name=id,
                default_value=value,
                on_change=on_change,
                class_name=f"{recipes.FIELD} appearance-none truncate pr-12",
                **props,
            ),
            rx.el.span(
                icon("chevron_down", "size-6"), class_name="pointer-events-none absolute top-4 right-4 text-muted"
            ),
            class_name="relative",
        ),
    )


def checkbox(label: Text, name: str) -> rx.Component:
    """A tick with its label; the whole line is the target."""
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, value="1", class_name="choice"),
        rx.el.span(label),
        class_name="flex min-h-11 cursor-pointer items-center gap-3",
    )


def default_submit() -> rx.Component:
    """What Enter presses in a form whose first visible button is not its main one; neither seen nor tabbed to."""
    return rx.el.button(type="submit", tab_index=-1, aria_hidden="true", class_name="sr-only")


def submit(label: Text, kind: str = "primary", **props: Any) -> rx.Component:
    """The main button of a form, as wide as the form."""
    return button(label, kind, type="submit", class_name="w-full", **props)


def _described_by(name: str, hint: Any) -> str:
    return f"{name}-error {name}-hint" if hint is not None else f"{name}-error"
