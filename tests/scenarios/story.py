"""One subscriber of the demo operator, and everything that happens to them in the order of time."""

from datetime import UTC, date, datetime, timedelta

from sqlmodel import Session, col, select

from cabinet import clock, ledger
from cabinet.adapters.usage_files import UsageRow
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.domain.catalogue import SwitchTime
from cabinet.models.billing import FeeCharge
from cabinet.models.options import OptionFeeCharge, OptionSubscription
from cabinet.models.outbox import OutboxMessage
from cabinet.models.tariffs import PlanSubscription
from cabinet.models.usage import Allowance
from cabinet.services import audit, billing, bundles, option_fees, options, orders, subscribers, tariffs, usage
from cabinet.services.billing import FeeResult
from cabinet.services.orders import Order, Quote

MINUTE = 60
GIGABYTE = 2**30
LEGKIY = 39_000  # a month in Moscow: 300 minutes, 50 SMS, 10 GB
DEN = 2_700  # a day in Moscow


def moscow(text_of_moment: str) -> datetime:
    """«2026-03-05 12:00» on a wall in Moscow."""
    return datetime.fromisoformat(text_of_moment).replace(tzinfo=clock.time_zone()).astimezone(UTC)


class Story:
    """See the module. Moments are told as they stand on a wall in Moscow."""

    def __init__(self, session: Session, plan: str, since: str) -> None:
        self.session = session
        start = moscow(since)
        tariffs.store_catalogue(session, catalogue.load(settings().catalogue_path), now=start)
        self.id = subscribers.create(
            session,
            account_number="100001",
            msisdn="79160000002",
            name="Борис",
            region="moskva",
            plan_code=plan,
            activated_at=start,
            now=start,
        )
        self.records = 0

    def pays(self, roubles: int, at: str) -> billing.Payment:
        moment = moscow(at)
        reference = f"payment:{at}"
        return billing.record_payment(
            self.session, self.id, roubles * 100, reference=reference, happened_at=moment, now=moment, source="card"
        )

    def uses(self, kind: str, quantity: int, at: str, zone: str = "home") -> int:
        """Kopecks it cost."""
        self.records += 1
        moment = moscow(at)
        row = UsageRow(f"story-{self.records}", "79160000002", kind, "out", moment, quantity, zone, "79035550101")
        report = usage.import_batch(self.session, [row], now=moment + timedelta(minutes=1))
        assert report.rejections == []
        return report.charged_kopecks

    def night_falls(self, at: str) -> list[FeeResult]:
        """The worker does what is due: plans, services, questions about trials."""
        moment = moscow(at)
        due = billing.list_due(self.session, moment, 100)
        results = billing.charge_fees_until(self.session, due, moment, now=moment)
        option_fees.charge_until(self.session, option_fees.list_due(self.session, moment, 100), moment, now=moment)
        option_fees.ask_about_trials(self.session, moment, 100)
        return results

    # --- orders

    def switches(self, code: str, at: str, when: SwitchTime | None = None) -> Order:
        return self.confirms(tariffs.quote_switch(self.session, self.id, code, when=when, now=moscow(at)), at)

    def turns_on(self, code: str, at: str) -> Order:
        return self.confirms(options.quote_on(self.session, self.id, code, now=moscow(at)), at)

    def keeps(self, code: str, at: str) -> Order:
        return self.confirms(options.quote_keep(self.session, self.id, code, now=moscow(at)), at)

    def buys(self, code: str, at: str) -> Order:
        return self.confirms(bundles.quote_bundle(self.session, self.id, code, now=moscow(at)), at)

    def stops_package(self, code: str, at: str) -> Order:
        return bundles.switch_off(self.session, self.id, code, now=moscow(at))

    def undoes(self, order: Order, at: str) -> Order:
        return orders.undo(self.session, self.id, order.id, now=moscow(at))

    def confirms(self, quote: Quote, at: str) -> Order:
        """And it took exactly what the quote had said."""
        before = self.main
        order = orders.confirm(self.session, self.id, quote.id, now=moscow(at))
        assert isinstance(order, Order)
        assert before - self.main == quote.summary.charged_now_kopecks
        return order

    # --- what came of it

    @property
    def subscription(self) -> PlanSubscription:
        """The present one."""
        found = self.session.exec(
            select(PlanSubscription).where(
                PlanSubscription.subscriber_id == self.id, col(PlanSubscription.ended_at).is_(None)
            )
        ).one()
        self.session.refresh(found)
        return found

    @property
    def main(self) -> int:
        return ledger.balance(self.session, self.id).main

    @property
    def debt(self) -> int:
        return ledger.balance(self.session, self.id).debt

    def remaining(self, kind: str, at: str) -> int | None:
        """What is left of the package valid then; None without one."""
        moment = moscow(at)
        return self.session.exec(
            select(Allowance.remaining).where(
                Allowance.subscriber_id == self.id,
                Allowance.kind == kind,
                col(Allowance.valid_from) <= moment,
                col(Allowance.valid_until) > moment,
            )
        ).one_or_none()

    def fees_on(self) -> list[date]:
        """Local days on which charged periods began."""
        starts = self.session.exec(select(FeeCharge.period_start_at).order_by(col(FeeCharge.period_start_at)))
        return [clock.local(start).date() for start in starts]

    def service(self, code: str) -> OptionSubscription:
        """The last that was switched on under that code."""
        query = select(OptionSubscription).where(
            OptionSubscription.subscriber_id == self.id, OptionSubscription.code == code
        )
        found = self.session.exec(query.order_by(col(OptionSubscription.id).desc())).first()
        assert found is not None
        self.session.refresh(found)
        return found

    def service_fees(self, code: str) -> list[tuple[date, int]]:
        """Local days on which charged periods of a service or package began, and kopecks."""
        query = (
            select(OptionFeeCharge.period_start_at, OptionFeeCharge.amount_kopecks)
            .join(OptionSubscription, col(OptionSubscription.id) == col(OptionFeeCharge.option_subscription_id))
            .where(OptionSubscription.subscriber_id == self.id, OptionSubscription.code == code)
            .order_by(col(OptionFeeCharge.period_start_at))
        )
        return [(clock.local(start).date(), kopecks) for start, kopecks in self.session.exec(query)]

    def sms(self, kind: str) -> list[str]:
        return list(self.session.exec(select(OutboxMessage.body).where(OutboxMessage.kind == kind)))

    def is_sound(self) -> bool:
        return audit.run_audit(self.session).is_sound
