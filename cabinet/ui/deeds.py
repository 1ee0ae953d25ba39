"""What was done to a number, in words: for the subscriber's own profile and for the desk, the same words in both.

A capability that records an action (`services.staff.record`) gives its kind a sentence here; facts of the action fill
its places, one whose name ends in `kopecks` as roubles, what was added to a balance with its plus. An action without a
sentence is shown all the same.
"""

from typing import Any

from cabinet.locales import Language, translate
from cabinet.services.cards import Done
from cabinet.ui import formats

_SENTENCES = {
    "card_opened": "Открыта карточка номера",
    "figures_seen": "Посмотрены баланс и тариф, чтобы ответить на обращение № {ticket}",
    "card_unmasked": "Номер и имя показаны полностью",
    "session_ended": "Завершён сеанс на устройстве: {device}",
    "adjustment_proposed": "Предложена корректировка счёта: {amount_kopecks}",
    "adjustment_approved": "Счёт исправлен: {amount_kopecks}",
    "adjustment_declined": "Корректировка счёта отклонена: {amount_kopecks}",
    "ticket_answered": "Ответ на обращение № {ticket}",
    "ticket_asked": "Вопрос к вам по обращению № {ticket}",
    "ticket_closed": "Обращение № {ticket} закрыто",
    "cap_chosen": "Лимит сверх пакетов: {limit_kopecks} в месяц",
    "cap_removed": "Лимит сверх пакетов убран",
}
_OTHER = "Действие сотрудника"


def title(done: Done, language: Language) -> str:
    """What was done."""
    facts = {name: _shown(name, fact, language) for name, fact in done.facts.items()}
    try:
        return translate(_SENTENCES.get(done.kind, _OTHER), language, **facts)
    except KeyError:  # an action of before the sentence had this place
        return translate(_OTHER, language)


def _shown(name: str, fact: Any, language: Language) -> object:
    if name.endswith("kopecks") and type(fact) is int:
        is_gain = name == "amount_kopecks" and fact > 0
        return formats.income(fact, language) if is_gain else formats.money(fact, language)
    return translate(fact, language) if isinstance(fact, str) else fact
