"""What an event of a page costs: statements, and the processor's time of the whole process.

`python -m benchmarks.events [--engine postgres] [--runs 30]`: the demo operator, and one tab that speaks to the
application within this process as a browser does. Other work on the machine makes every time longer, and no number of
statements.
"""

import argparse
import asyncio
import os
import time
from collections import defaultdict
from typing import Any

from sqlalchemy import event

from benchmarks.cluster import prepare
from benchmarks.expenses import database
from benchmarks.report import Table, figure, middle

NUMBER = "79160000001"
QUIET_SECONDS = 0.06


async def measure(runs: int) -> dict[str, list[tuple[float, int, int]]]:
    """Milliseconds of the processor, statements and bytes of the answers, by what was done."""
    import cabinet.cabinet  # noqa: F401  all States and their handlers
    from cabinet import clock, db
    from cabinet.services import demo, options, sessions, subscribers
    from cabinet.ui.expenses.state import ExpensesState
    from cabinet.ui.options.state import OptionsState
    from cabinet.ui.overview.state import OverviewState
    from cabinet.ui.quotes.state import QuoteState
    from cabinet.ui.tariffs.state import TariffsState
    from tests import sockets

    statements: list[str] = []
    event.listen(db.engine(), "before_cursor_execute", lambda *told: statements.append(told[2]))
    demo.load_offset()
    now = clock.now()
    with db.transaction() as session:
        found = subscribers.find_active_by_msisdn(session, NUMBER)
        subscriber_id = (found and found.id) or 0
        new = sessions.create(session, subscriber_id, is_remembered=True, device="", address="", now=now)
        offered = [
            card
            for card in options.list_options(session, subscriber_id, now=now).cards
            if not (card.is_on or card.is_included or card.is_closed or card.missing or card.against)
        ]
    free = next(card.code for card in offered if not card.price_kopecks)
    paid = next(card.code for card in offered if card.price_kopecks)
    costs: dict[str, list[tuple[float, int, int]]] = defaultdict(list)

    async with sockets.running(lambda: None) as (world, _):
        tab = await world.visit(cookie=f"sid={new.token}")

        async def do(name: str, handler: Any, **payload: Any) -> None:
            statements.clear()
            size = 0
            started = time.process_time()
            await tab.send(sockets.name_of(handler), **payload)
            while True:
                try:
                    size += len(await asyncio.wait_for(tab._frame(), QUIET_SECONDS if size else 10))
                except TimeoutError:
                    break
            costs[name].append(((time.process_time() - started) * 1000, len(statements), size))

        for _ in range(runs):
            await do("dashboard anew", OverviewState.refresh)
            await do("expenses", ExpensesState.load)
            await do("tariff", TariffsState.refresh)
            await do("services", OptionsState.refresh)
            await do("a free service on", OptionsState.turn, code=free, is_on=True)
            await do("and off", OptionsState.turn, code=free, is_on=False)
            await do("quote", OptionsState.turn, code=paid, is_on=True)
            await do("confirm", QuoteState.confirm, quote_id=tab.value(QuoteState, "sheet")["id"])
            await do("undo", QuoteState.undo, order_id=tab.value(QuoteState, "done")["order_id"])
    return costs


def main(engine: str, runs: int) -> Table:
    """Makes the demo operator in an empty database and measures there."""
    with database(engine) as url:
        os.environ["CABINET_DATABASE_URL"] = url
        prepare(dict(os.environ))
        costs = asyncio.run(measure(runs))
    table = Table(f"An event of a page, the whole process, {engine}", ("event", "processor, ms", "statements", "bytes"))
    for name, measured in costs.items():
        milliseconds, asked, size = zip(*measured, strict=True)
        table.add(name, figure(middle(milliseconds) or 0.0), str(min(asked)), figure(middle(size) or 0.0))
    table.notes = [f"Medians of {runs} turns, the tab's own work in them; statements without the look at the session."]
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--runs", type=int, default=30)
    chosen = parser.parse_args()
    main(chosen.engine, chosen.runs).print()
