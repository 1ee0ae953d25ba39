"""Words of payments that tables, gateways and pages share."""

from enum import StrEnum


class PaymentKind(StrEnum):
    """How a person pays."""

    CARD = "card"
    SBP = "sbp"


class Initiator(StrEnum):
    """Who asked for the money."""

    MANUAL = "manual"
    AUTOPAY = "autopay"


class PaymentState(StrEnum):
    """A payment as its gateway knows it; the last two are final."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class TopUpState(StrEnum):
    """A top-up as we know it.

    `created`: committed here, and whether the gateway knows it is not known. `pending`: the gateway waits for the
    person. `expired`: nobody paid in time.
    """

    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """Whether an answer is still awaited."""
        return self in (TopUpState.CREATED, TopUpState.PENDING)


class RefundState(StrEnum):
    """A refund as we know it. `created`: the money is set aside, and whether the gateway gave it back is not known."""

    CREATED = "created"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why no money came, as far as the gateway tells."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT_EXCEEDED = "limit_exceeded"
    CARD_EXPIRED = "card_expired"
    CARD_INVALID = "card_invalid"
    CONFIRMATION_FAILED = "confirmation_failed"  # 3-D Secure, or the bank's application
    METHOD_REVOKED = "method_revoked"  # the saved card or account may not be charged any more
    FRAUD_SUSPECTED = "fraud_suspected"
    CANCELED_BY_PAYER = "canceled_by_payer"
    TIMED_OUT = "timed_out"  # nobody confirmed it in time
    REFUNDED = "refunded"  # paid and given back before we heard of it
    GATEWAY_REFUSED = "gateway_refused"  # it did not take the order at all
    DECLINED = "declined"  # by the bank, without a reason


class Attention(StrEnum):
    """What a person at the operator's must look at: money and words do not agree."""

    AMOUNT_DIFFERS = "amount_differs"
    CURRENCY_DIFFERS = "currency_differs"
    SHOP_DIFFERS = "shop_differs"
    ORDER_DIFFERS = "order_differs"  # the gateway answered for another order
    CANCELED_AFTER_SUCCESS = "canceled_after_success"
    REFUNDED = "refunded"  # the gateway gave money back that is on the subscriber's account
    OUTCOME_UNKNOWN = "outcome_unknown"  # the gateway never said what became of it


class WebhookVerdict(StrEnum):
    """What came of a gateway's message."""

    APPLIED = "applied"  # the top-up is what it says now
    DUPLICATE = "duplicate"  # it was that before
    HELD = "held"  # it contradicts what we know: see the top-up's `attention`, or the gateway is asked
    UNKNOWN = "unknown"  # no top-up of ours
    FORGED = "forged"
    UNVERIFIED = "unverified"  # the gateway could not be asked whether it is true; it will be
