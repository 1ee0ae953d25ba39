"""What an operation on an account is called and drawn with: the same wherever one is shown."""

from cabinet.domain.allowances import UsageKind
from cabinet.locales import Language, name_in, translate
from cabinet.services.overview import Operation
from cabinet.ui.quotes.views import charge_name

USAGE_ICONS = {UsageKind.VOICE: "phone", UsageKind.SMS: "sms", UsageKind.DATA: "wifi"}
KIND_ICONS = {
    "plan_fee": "receipt",
    "top_up": "arrow_in",
    "reversal": "repeat",
    "opening": "wallet",
    "adjustment": "repeat",
}
KIND_TITLES = {
    "plan_fee": "Плата за тариф",
    "top_up": "Пополнение",
    "reversal": "Возврат",
    "opening": "Перенос остатка",
    "top_up_refund": "Возврат пополнения",
    "promised_return": "Возврат обещанного платежа",
    "promised_fee": "Плата за обещанный платёж",
    "adjustment": "Корректировка счёта",
}
ICONS = tuple(sorted({*USAGE_ICONS.values(), *KIND_ICONS.values()}))
"""All that an operation can be drawn with."""

_OF_ORDERS = ("order", "option_fee", "bundle")
"""What orders cost, and services after them: the explanation says what that was for."""


def icon(operation: Operation) -> str:
    """A row of `kit.icons.PATHS`."""
    if operation.kind == "usage":
        return USAGE_ICONS[UsageKind(operation.explanation["kind"])]
    return KIND_ICONS.get(operation.kind, "receipt")


def title(operation: Operation, language: Language) -> str:
    """«Звонок в Казахстан», «Плата за тариф»."""
    if operation.kind != "usage":
        if operation.kind in _OF_ORDERS:
            return charge_name(operation.explanation["kind"], operation.explanation.get("name", ""), language)
        return translate(KIND_TITLES.get(operation.kind, "Операция"), language)
    match UsageKind(operation.explanation["kind"]):
        case UsageKind.VOICE:
            return towards(translate("Звонок", language), operation.destination, operation.zone_name, language)
        case UsageKind.SMS:
            return towards("SMS", operation.destination, operation.zone_name, language)
        case UsageKind.DATA:
            name = translate("Интернет", language)
            is_home = operation.explanation["rated_as"] == operation.explanation["zone"] == "home"
            return name if is_home or not operation.zone_name else f"{name}: {name_in(operation.zone_name, language)}"


def towards(what: str, destination: str, zone_name: str, language: Language) -> str:
    """«Звонок в Казахстан». Russian words do not follow English ones: where the catalogue has no English of them, the
    zone's name stands alone."""
    said = name_in(destination, language)
    if language == "en" and destination and said == destination:
        return f"{what}: {name_in(zone_name, language)}"
    return f"{what} {said}".rstrip()
