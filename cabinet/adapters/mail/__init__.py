"""E-mail: a mail server, or in the demo the phone that shows the SMS."""

from functools import lru_cache

from cabinet.adapters.sending import Gateway
from cabinet.config import Settings, settings


def gateway() -> Gateway | None:
    """The gateway of the settings; None where there is no mail server."""
    return _made(settings())


@lru_cache(maxsize=1)
def _made(chosen: Settings) -> Gateway | None:
    if chosen.smtp_host:
        from cabinet.adapters.mail.smtp import MailServer

        return MailServer(chosen)
    if chosen.is_demo:
        from cabinet.adapters.sms.demo import DemoPhone

        return DemoPhone()
    return None
