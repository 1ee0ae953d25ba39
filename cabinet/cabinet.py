"""Composition root: the pages and the application."""

import reflex as rx

from cabinet.ui import shell
from cabinet.ui.sign_in import page as _login  # noqa: F401  registers /login

app = rx.App(html_lang="ru", toaster=None)

for page in shell.PAGES:
    app.add_page(page.build, route=page.route, title=page.title)
