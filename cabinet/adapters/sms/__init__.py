"""SMS gateways: which one the settings choose. What is asked of them stands in `adapters/sending.py`."""

from functools import lru_cache

from cabinet.adapters.sending import Gateway
from cabinet.config import Settings, settings
from cabinet.config import SmsGateway as Choice


def gateway() -> Gateway:
    """The gateway of the settings; one for the whole process, as it keeps its connection."""
    return _made(settings())


@lru_cache(maxsize=1)
def _made(chosen: Settings) -> Gateway:
    match chosen.sms_gateway:
        case Choice.DEMO:
            from cabinet.adapters.sms.demo import DemoPhone

            return DemoPhone()
        case Choice.SMPP:
            from cabinet.adapters.sms.smpp import SmppGateway

            return SmppGateway(chosen)
        case Choice.HTTP:
            from cabinet.adapters.sms.http import HttpGateway

            return HttpGateway(chosen)
