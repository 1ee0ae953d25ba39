"""Errors are facts. What a subscriber should read about one stands in its class."""


class CabinetError(Exception):
    """A refusal that a person can understand and act on.

    `message` is a template in Russian for the subscriber; the facts given to the constructor fill it in.
    """

    message = "Не получилось выполнить действие. Попробуйте ещё раз."

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        self.text = self.message.format(**facts)
        super().__init__(self.text)


class NotFound(CabinetError):
    """The object does not exist or belongs to someone else; the two look the same on purpose."""

    message = "Такой записи нет. Обновите страницу."
