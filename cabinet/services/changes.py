"""Plans that give way to others: at once by an order, or when a scheduled change is due.

A subscription is a plan version with its settings for a stretch of time. A change ends the one and begins the other at
the same moment, so what was used at any time is rated by what held then.
"""

from collections.abc import Collection
from datetime import datetime
from typing import cast

from sqlmodel import Session, col, select

from cabinet.bulk import is_among
from cabinet.domain.effects import Schedule, SetPlan, SetSettings, read_effects
from cabinet.domain.errors import NotFound
from cabinet.models.orders import Order, ScheduledChange
from cabinet.models.tariffs import PlanSubscription, SubscriptionState


def set_plan(session: Session, change: SetPlan | SetSettings, order: Order, *, at: datetime) -> PlanSubscription:
    """Ends the present subscription at that moment and begins the other; its next fee is due as the change says.

    Raises:
        NotFound: the present subscription is not what the change was made for.
    """
    old = session.get(PlanSubscription, change.before.subscription_id, populate_existing=True)
    if old is None or old.ended_at is not None or old.subscriber_id != order.subscriber_id:
        raise NotFound
    old.state, old.ended_at, old.next_fee_at = SubscriptionState.ENDED, at, None
    session.flush()
    new = PlanSubscription(
        subscriber_id=old.subscriber_id,
        plan_version_id=change.after.plan_version_id,
        settings=dict(change.after.settings),
        anchor_day=change.after.anchor_day,
        started_at=at,
        next_fee_at=change.after.next_fee_at,
    )
    session.add(new)
    session.flush()
    order.plan_subscription_id = new.id
    session.flush()
    return new


def take_back_plan(session: Session, change: SetPlan | SetSettings, new: PlanSubscription) -> PlanSubscription:
    """The inverse: the subscription that began has never been, the one before it goes on as it was."""
    new.state, new.ended_at, new.next_fee_at = SubscriptionState.ENDED, new.started_at, None
    session.flush()
    old = session.get_one(PlanSubscription, cast(int, change.before.subscription_id), populate_existing=True)
    old.state = SubscriptionState.SUSPENDED if change.before.is_suspended else SubscriptionState.ACTIVE
    old.ended_at, old.next_fee_at = None, change.before.next_fee_at
    session.flush()
    return old


def apply_due(session: Session, subscriber_ids: Collection[int], until: datetime) -> dict[int, PlanSubscription]:
    """Applies what is scheduled by that moment; the caller holds the subscriptions.

    Returns the subscriptions that began, by the id of the one that each of them ended.
    """
    if not subscriber_ids:
        return {}
    due = session.exec(
        select(ScheduledChange, Order)
        .join(Order, col(Order.id) == col(ScheduledChange.order_id))
        .where(
            is_among(session, col(ScheduledChange.subscriber_id), subscriber_ids),
            col(ScheduledChange.applied_at).is_(None),
            col(ScheduledChange.cancelled_at).is_(None),
            col(ScheduledChange.due_at) <= until,
        )
        .order_by(col(ScheduledChange.id))
    ).all()
    begun = {}
    for row, order in due:
        for effect in read_effects(row.effects):
            if isinstance(effect, Schedule):
                begun[cast(int, effect.change.before.subscription_id)] = set_plan(
                    session, effect.change, order, at=row.due_at
                )
        row.applied_at = row.due_at
    if due:
        session.flush()
    return begun
