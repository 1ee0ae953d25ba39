"""A month with a cap, from the first call beyond the package to the first call of the next month."""

from sqlmodel import Session, select

from cabinet.models.notices import Notice
from cabinet.services import spending_caps
from tests.every_line import check_everyone
from tests.scenarios.story import MINUTE, Story, moscow


def test_boris_talks_on_beyond_his_cap_and_pays_no_kopeck_more(session: Session):
    boris = Story(session, "legkiy", since="2026-03-05 00:00")
    boris.pays(1_000, "2026-03-05 00:00")
    assert boris.main == 61_000  # 1 000 − 390

    boris.uses("voice", 6 * MINUTE, "2026-03-06 12:00", zone="intl_kz")  # 60 ₽, before there is a cap
    spending_caps.put(session, boris.id, 20_000, now=moscow("2026-03-07 10:00"))

    assert boris.uses("voice", 300 * MINUTE, "2026-03-08 12:00") == 0  # the package
    assert boris.uses("voice", 10 * MINUTE, "2026-03-10 12:00", zone="intl_kz") == 10_000  # 160 of 200 ₽
    assert kinds(session) == ["cap_near"]
    assert boris.uses("voice", 9 * MINUTE, "2026-03-12 12:00", zone="intl_kz") == 4_000  # 90 ₽ without the cap
    assert boris.uses("voice", 60 * MINUTE, "2026-03-20 12:00", zone="intl_kz") == 0
    assert boris.uses("sms", 1, "2026-03-31 23:59") == 0  # the package goes on as ever
    assert boris.remaining("sms", "2026-03-31 23:59") == 49
    assert kinds(session) == ["cap_near", "cap_reached"]
    assert boris.main == 61_000 - 20_000

    assert boris.uses("voice", 1 * MINUTE, "2026-04-01 00:00", zone="intl_kz") == 1_000  # a new month, a new room
    [fee] = boris.night_falls("2026-04-05 00:00")
    assert fee.amount_kopecks == 39_000  # a cap is for usage alone
    assert boris.is_sound()
    assert check_everyone(session, [boris.id], now=moscow("2026-04-06 12:00"))


def kinds(session: Session) -> list[str]:
    rows = session.exec(select(Notice.kind).order_by(Notice.id))
    return [str(kind) for kind in rows if kind.startswith("cap_")]
