"""Composition root: the pages, the application and everything around it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from reflex.constants import Dirs
from reflex.utils.exec import is_prod_mode
from reflex.utils.prerequisites import get_web_dir
from reflex_base import otel

from cabinet import connections, db, logs, news, redis_client, relay, schema, tracing, worker
from cabinet.config import settings
from cabinet.http import health, statement
from cabinet.http.app import make_app
from cabinet.http.middleware import harden
from cabinet.http.pages import with_figures
from cabinet.http.statement import Words
from cabinet.keeping import App
from cabinet.sandbox_bank import app as sandbox_bank
from cabinet.services import demo, words
from cabinet.ui import access, errors, faults, first_figures, formats, guard, left_pages, shell
from cabinet.ui.autopay import page as autopay
from cabinet.ui.bundles import page as bundles
from cabinet.ui.catalogue_desk import edit as desk_edit
from cabinet.ui.catalogue_desk import item as desk_item
from cabinet.ui.catalogue_desk import page as desk_catalogue
from cabinet.ui.expenses import page as expenses
from cabinet.ui.expenses.views import line_words, month_title
from cabinet.ui.help import article
from cabinet.ui.help import page as help_centre
from cabinet.ui.notices import page as notices
from cabinet.ui.options import page as options
from cabinet.ui.orders import page as orders
from cabinet.ui.overview import page as overview
from cabinet.ui.overview.state import OverviewState
from cabinet.ui.profile import actions as profile_actions
from cabinet.ui.profile import page as profile
from cabinet.ui.promotions import desk as desk_offers
from cabinet.ui.promotions import detail as offer
from cabinet.ui.promotions import page as offers
from cabinet.ui.sign_in import code, page, password, welcome
from cabinet.ui.staff import adjustments as staff_adjustments
from cabinet.ui.staff import members as staff_members
from cabinet.ui.staff import page as staff_subscribers
from cabinet.ui.staff import sign_in as staff_sign_in
from cabinet.ui.support import new as new_question
from cabinet.ui.support import page as support
from cabinet.ui.support import thread as conversation
from cabinet.ui.support_desk import page as desk_queue
from cabinet.ui.support_desk import supervisor, templates, ticket
from cabinet.ui.tariffs import catalogue as tariffs
from cabinet.ui.tariffs import page as tariff
from cabinet.ui.top_ups import page as top_up
from cabinet.ui.top_ups import result as top_up_result

PAGE_MODULES = (
    errors,
    overview,
    expenses,
    tariff,
    tariffs,
    options,
    bundles,
    offers,
    offer,
    desk_offers,
    orders,
    notices,
    profile,
    profile_actions,
    page,
    code,
    password,
    welcome,
    help_centre,
    article,
    top_up,
    top_up_result,
    staff_sign_in,
    support,
    new_question,
    conversation,
    autopay,
    desk_queue,
    ticket,
    templates,
    supervisor,
    staff_subscribers,
    staff_adjustments,
    staff_members,
    desk_catalogue,
    desk_item,
    desk_edit,
)
"""Importing a module registers its pages."""

if settings().is_demo:
    import cabinet.ui.demo.page  # noqa: F401  a phone and a clock that production does not have


@asynccontextmanager
async def serving() -> AsyncIterator[None]:
    """What every web process does before the first request and until the last one."""
    logs.configure()
    if not schema.is_current(db.engine()):
        raise schema.NotCurrent
    if provider := tracing.start():
        otel.enable(provider)
    demo.load_offset()
    async with AsyncExitStack() as beside:
        beside.push_async_callback(redis_client.close)
        await beside.enter_async_context(demo.following())
        await beside.enter_async_context(relay.hearing())
        await beside.enter_async_context(words.following())
        await beside.enter_async_context(left_pages.forgetting(app))
        if settings().worker_inside:
            await beside.enter_async_context(worker.running())
        await beside.enter_async_context(sandbox_bank.running())
        looking = asyncio.create_task(health.examine())  # what is ill from the start is in the log
        gc.collect()
        gc.freeze()  # what is here stays: looked through with the garbage, it stopped every subscriber for 0.15 s
        yield
        looking.cancel()
        await connections.close_all()  # the server waits for open tabs, and they do not leave by themselves


DOCUMENTS = [with_figures("/", partial(first_figures.read, OverviewState))] if is_prod_mode() else []
"""Pages whose document brings their first figures; under `make dev` they are served by another server."""

STATEMENT = statement.route(Words(line_words, month_title, formats.money, formats.phone))
"""The statement as a file, in the words of the pages."""

relay.listen(news.TOPIC, news.ring)
relay.listen(connections.ENDED, connections.close_sessions)
relay.listen(connections.ENDED_OF_STAFF, connections.close_sessions_of_staff)
relay.listen(connections.ENDED_KEYS, connections.close_keys)

app = App(
    html_lang="ru",
    # The page's language and theme are set before React arrives.
    html_custom_attrs={"suppressHydrationWarning": "true"},
    toaster=None,
    app_wraps=dict(shell.APP_WRAPS),
    head_components=shell.head(),
    backend_exception_handler=faults.report,
    frontend_exception_handler=faults.report_of_page,
    api_transformer=[
        make_app([*DOCUMENTS, STATEMENT]),
        lambda inner: harden(inner, get_web_dir() / Dirs.STATIC, is_prod_mode()),
    ],
)
app.add_middleware(guard.Guard(), 0)
app.register_lifespan_task(serving)

shell.add_pages(app)
settings()
access.refuse_unlabelled(guard.handlers())
