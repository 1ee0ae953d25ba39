import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.msisdn import InvalidMsisdn, format_msisdn, mask, parse_msisdn


@pytest.mark.parametrize(
    "text",
    [
        "9161234567",
        "79161234567",
        "89161234567",
        "+79161234567",
        "+7 916 123-45-67",
        "8 (916) 123-45-67",
        "8(916)123 45 67",
        "916.123.45.67",
        "  916 123 45 67\n",
        "\u200b+7\u00a0916\u202f123\u201345\u201167\ufeff",
        "\u202a+7 916 123-45-67\u202c",
        "916\u2212123\u221245\u221267",
        "９１６１２３４５６７",
        "＋７（９１６）１２３－４５－６７",
        "٩١٦١٢٣٤٥٦٧",
    ],
)
def test_every_usual_spelling_is_the_same_number(text):
    assert parse_msisdn(text) == "79161234567"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "916123456",
        "91612345678",
        "+7916123456",
        "+791612345678",
        "99161234567",
        "916CALLNOW",
        "девять",
        "9161234567 доб. 5",
        "916/123/45/67",
        "9161234567+",
        "84951234567",
        "4951234567",
        "+77011234567",
        "77011234567",
        "+380501234567",
        "+19161234567",
        "9161234567" * 10,
        "916123456\x00\ud800",
        "²²²²²²²²²²",
    ],
)
def test_anything_else_is_no_mobile_number(text):
    with pytest.raises(InvalidMsisdn):
        parse_msisdn(text)


@given(st.text(max_size=80))
def test_no_text_makes_anything_but_a_number_or_a_refusal(text):
    try:
        msisdn = parse_msisdn(text)
    except InvalidMsisdn:
        return
    assert len(msisdn) == 11
    assert msisdn.isascii()
    assert msisdn.startswith("79")


@given(st.from_regex(r"9[0-9]{9}", fullmatch=True))
def test_what_is_shown_can_be_typed_back(national):
    assert parse_msisdn(format_msisdn(f"7{national}")) == f"7{national}"


def test_a_number_is_shown_without_ordinary_spaces():
    assert format_msisdn("79162041537") == "+7\u00a0916\u00a0204-15-37"


def test_a_masked_number_keeps_its_ends():
    assert mask("79161234567") == "+7916***4567"
