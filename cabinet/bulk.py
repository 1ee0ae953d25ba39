"""Many rows at once, straight through the driver: half as long as through the toolkit. For hot paths only.

Statements are put together from the names of our own tables and columns, never from values.
"""
# ruff: noqa: S608

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import ARRAY, JSON, Column, ColumnElement, Dialect, Select, Table, any_, bindparam, cast, func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session


def insert_many(
    session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], on_conflict: str = ""
) -> None:
    """Inserts rows whose values stand in the order of `columns`; values are Python's own, as the toolkit takes them.

    `on_conflict` is the clause of that name, which both engines write alike.
    """
    if not rows:
        return
    dialect = session.get_bind().dialect
    of = [table.c[name] for name in columns]
    written = [_written(column, dialect, values) for column, values in zip(of, zip(*rows, strict=True), strict=True)]
    if dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) {on_conflict}"
        session.connection().exec_driver_sql(statement, list(zip(*written, strict=True)))
    elif not on_conflict:
        _copy(session, table, of, written)
    else:
        given = _given(of, dialect)
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM {given} {on_conflict}"
        session.connection().exec_driver_sql(statement, (_as_json(columns, zip(*written, strict=True)),))


def _copy(session: Session, table: Table, columns: Sequence[Column[Any]], written: Sequence[Sequence[Any]]) -> None:
    """PostgreSQL's own way for many rows; it knows no conflicts."""
    values = [
        [None if value is None else json.dumps(value, ensure_ascii=False) for value in of_column]
        if isinstance(column.type.dialect_impl(session.get_bind().dialect), JSON)
        else of_column
        for column, of_column in zip(columns, written, strict=True)
    ]
    statement = f"COPY {table.name} ({', '.join(column.name for column in columns)}) FROM STDIN"
    driver: Any = session.connection().connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in zip(*values, strict=True):
                copy.write_row(row)
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


def add_many(session: Session, table: Table, name: str, changes: Sequence[tuple[int, int]]) -> None:
    """Adds to the numbers in one column: pairs of a row's id and of what is added to it, each id once."""
    if not changes:
        return
    if session.get_bind().dialect.name == "sqlite":
        statement = f"UPDATE {table.name} SET {name} = {name} + ? WHERE id = ?"
        session.connection().exec_driver_sql(statement, [(change, row_id) for row_id, change in changes])
    else:
        given = _given([table.c.id, table.c[name]], session.get_bind().dialect)
        statement = (
            f"UPDATE {table.name} SET {name} = {table.name}.{name} + given.{name}"
            f" FROM {given} WHERE {table.name}.id = given.id"
        )
        session.connection().exec_driver_sql(statement, (_as_json(("id", name), changes),))


def _written(column: Column[Any], dialect: Dialect, values: Sequence[Any]) -> Sequence[Any]:
    """A column's values as the driver takes them; on PostgreSQL JSON as it is, for all goes as JSON there."""
    kind = column.type.dialect_impl(dialect)
    is_json = isinstance(kind, JSON)
    write = None if is_json and dialect.name != "sqlite" else kind.bind_processor(dialect)
    if write is None:
        return values
    return list(map(write, values)) if is_json else _each_once(write, values)


def _given(columns: Sequence[Column[Any]], dialect: Dialect) -> str:
    """Rows as one parameter: thousands of statements, sent together or not, cost a server much more than one, and
    arrays cost this driver more to write than JSON."""
    kinds = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in columns)
    return f"json_to_recordset(%s::json) AS given({kinds})"


def _as_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return json.dumps([dict(zip(columns, row, strict=True)) for row in rows], ensure_ascii=False, default=str)


def _each_once(write: Callable[[Any], Any], values: Sequence[Hashable]) -> list[Any]:
    """Times and choices repeat in bulk, and writing one costs more than finding it again."""
    known = {value: write(value) for value in set(values)}
    return list(map(known.__getitem__, values))


def is_among(session: Session, column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column's value is one of them. One parameter for all: many cost more to bind than to look up."""
    dialect = session.get_bind().dialect.name
    return _among(column, dialect, json.dumps(list(values)) if dialect == "sqlite" else list(values))


def _among(column: Any, dialect: str, values: Any) -> ColumnElement[bool]:
    if dialect == "sqlite":
        return column.in_(select(func.json_each(values).table_valued("value").c.value))
    return column == any_(cast(values, ARRAY(column.type)))


AMONG = "among"


@cache
def among(column: Any, dialect: str) -> ColumnElement[bool]:
    """The same for a statement that is built once: the values are its parameter `AMONG`, made by `listed`."""
    return _among(column, dialect, bindparam(AMONG, type_=None if dialect == "sqlite" else ARRAY(column.type)))


def listed(session: Session, values: Collection[Any]) -> Any:
    """Values for `among`."""
    return json.dumps(list(values)) if session.get_bind().dialect.name == "sqlite" else list(values)


def known_among(session: Session, column: Any, values: Sequence[str]) -> set[str]:
    """Which of the values stand in the column."""
    statement = _select_among(column, session.get_bind().dialect.name)
    return set(session.execute(statement, {AMONG: listed(session, values)}).scalars())


@cache
def _select_among(column: Any, dialect: str) -> Select[Any]:
    return select(column).where(among(column, dialect))
