"""Workers that look at the same coming fees for the first time."""

from cabinet import db
from cabinet.services import notices
from tests.conftest import NOON, both_engines
from tests.services.test_sign_in_races import at_once


@both_engines
def test_workers_that_begin_together_look_in_turn_and_none_fails(database):
    def look(_worker: int) -> int:
        with db.transaction() as session:
            return notices.warn_of_fees(session, now=NOON)

    assert at_once(20, look) == [0] * 20
