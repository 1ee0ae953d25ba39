"""Charts: a running total as steps in a box of 300×88."""

from cabinet.ui.kit.charts import area_path, marker_position, step_path


def test_a_day_without_spending_is_flat_and_a_spending_goes_up():
    assert step_path([0, 500, 500, 1_000], days=10, highest=1_000) == "M0 86V86H30V45H60V45H90V4H120"


def test_a_forecast_begins_where_today_ends():
    assert step_path([500, 1_000], days=10, highest=1_000, first_day=4).startswith("M120 45")


def test_nothing_has_no_path():
    assert step_path([], days=30, highest=0) == ""
    assert area_path("") == ""


def test_a_month_without_spending_lies_on_the_base():
    assert step_path([0, 0], days=30, highest=0) == "M0 86V86H10V86H20"


def test_the_marker_stands_at_the_end_of_the_line():
    assert marker_position(500, day=6, days=10, highest=1_000) == ("60.0%", "51.1%")
