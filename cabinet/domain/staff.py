"""Who of the operator's staff may do what."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is at the operator's."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    PRODUCT = "product"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What a member of the staff may do."""

    TICKETS = "tickets"  # read and answer what subscribers ask
    SUPERVISE = "supervise"  # see how answers come, give tickets to others, write templates
    SUBSCRIBERS = "subscribers"  # open a subscriber's card, with a reason
    ADJUST = "adjust"  # propose a correction of a balance
    APPROVE = "approve"  # carry out what somebody else has proposed
    OFFERS = "offers"  # make, schedule and stop promotions
    CATALOGUE = "catalogue"  # see the catalogue as it is sold
    SALES = "sales"  # take off sale and put back, publish a new version
    STAFF = "staff"  # hire, dismiss, give a new key for codes


PERMISSIONS = {
    Role.AGENT: frozenset({Permission.TICKETS, Permission.SUBSCRIBERS, Permission.ADJUST}),
    Role.SUPERVISOR: frozenset(
        {Permission.TICKETS, Permission.SUPERVISE, Permission.SUBSCRIBERS, Permission.ADJUST, Permission.APPROVE}
    ),
    Role.PRODUCT: frozenset({Permission.OFFERS, Permission.CATALOGUE, Permission.SALES}),
    Role.ADMINISTRATOR: frozenset({Permission.STAFF, Permission.CATALOGUE}),
}
"""Whoever hires does not see subscribers, and whoever makes tariffs does not see them either."""


class LookReason(StrEnum):
    """Why somebody opens a subscriber's card."""

    CALL = "call"  # the subscriber is on the telephone
    VISIT = "visit"  # the subscriber is at the counter
    TICKET = "ticket"  # an answer to a ticket
    MONEY = "money"  # a disputed charge or payment
    SAFETY = "safety"  # somebody else may be using the number


class AdjustmentReason(StrEnum):
    """Why a balance is corrected."""

    WRONG_CHARGE = "wrong_charge"
    NO_SERVICE = "no_service"
    LOST_PAYMENT = "lost_payment"
    GOODWILL = "goodwill"
    PAID_TWICE = "paid_twice"  # money to be taken back
