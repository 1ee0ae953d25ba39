"""What both yardsticks show: the same people, the same month, the same twenty services. Amounts are kopecks."""

from datetime import date, timedelta

PEOPLE = 200
PASSWORD = "тихий-зонт-42"
SERVICES = [f"Услуга {number}" for number in range(1, 21)]
DAYS = 30
FIRST_DAY = date(2026, 10, 1)


def number_of(person: int) -> str:
    """The telephone number of person 1 … PEOPLE: ten digits, as it is typed."""
    return f"900000{person:04}"


def operations_of(person: int) -> list[tuple[date, str, int]]:
    """One operation a day: when, what, how much."""
    return [
        (FIRST_DAY + timedelta(day), f"Звонок {day + 1}", (person * 37 + day * 101) % 9_000 + 100)
        for day in range(DAYS)
    ]


def chart_of(amounts: list[int]) -> str:
    """The points of an SVG polyline, 300 × 80, of the sum so far."""
    total, points = 0, []
    for day, amount in enumerate(amounts):
        total += amount
        points.append((day, total))
    return " ".join(f"{day * 300 / (DAYS - 1):.1f},{80 - so_far * 80 / total:.1f}" for day, so_far in points)


def roubles(kopecks: int) -> str:
    """312,50 ₽"""
    return f"{kopecks // 100},{kopecks % 100:02} ₽"
