"""Composition root: the pages and the application."""

import reflex as rx

from cabinet.ui import errors, shell
from cabinet.ui.sign_in import code, page, password, welcome

PAGE_MODULES = (errors, page, code, password, welcome)
"""Importing a module registers its pages."""

app = rx.App(
    html_lang="ru",
    # The page's language and theme are set before React arrives.
    html_custom_attrs={"suppressHydrationWarning": "true"},
    toaster=None,
    app_wraps=shell.APP_WRAPS,
    head_components=shell.head(),
)

shell.add_pages(app)
