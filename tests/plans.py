"""How the database finds what is asked for: statements of a piece of work, and their plans."""

import re
from collections.abc import Callable

from sqlalchemy import event, text
from sqlmodel import Session

Statement = tuple[str, tuple]


def statements_of(session: Session, work: Callable[[], object]) -> list[Statement]:
    """What `work` asks of the database."""
    found: list[Statement] = []
    bind = session.connection()

    def record(_connection, _cursor, statement, parameters, _context, _executemany):
        found.append((statement, parameters))

    event.listen(bind, "before_cursor_execute", record)
    work()
    event.remove(bind, "before_cursor_execute", record)
    return found


def plan_of(session: Session, statement: Statement) -> str:
    """The plan as the engine tells it; an index of a month bears the name of the whole table's."""
    said, parameters = statement
    bind = session.connection()
    if bind.dialect.name == "sqlite":
        return "\n".join(row[-1] for row in bind.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", parameters))
    bind.exec_driver_sql("SET LOCAL enable_seqscan = off")  # of a dozen rows it would read all
    bind.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
    plan = "\n".join(row[0] for row in bind.exec_driver_sql(f"EXPLAIN {said}", parameters))
    of_months = bind.execute(
        text(
            "SELECT m.relname, w.relname FROM pg_inherits i JOIN pg_class m ON m.oid = i.inhrelid"
            " JOIN pg_class w ON w.oid = i.inhparent WHERE m.relkind = 'i'"
        )
    )
    whole = dict(of_months.all())
    return re.sub(r"\w+", lambda word: whole.get(word[0], word[0]), plan)


def read_whole(plan: str) -> list[str]:
    """Steps that read a table from end to end, those of the statement's own lists aside."""
    steps = [step.strip() for step in plan.splitlines()]
    whole = [step for step in steps if "Seq Scan" in step or step.startswith("SCAN")]
    return [step for step in whole if not re.search(r"anon|SCAN CONSTANT|json_each|SCAN \d", step)]


def months_of(plan: str, table: str) -> set[str]:
    """The months of a table that PostgreSQL may look into."""
    return set(re.findall(rf"on {table}_(\d{{4}}_\d\d|default)", plan))
