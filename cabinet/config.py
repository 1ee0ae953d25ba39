"""Settings from the environment (prefix `CABINET_`), read once.

Every setting of the program is a field here; `docs/settings.md` is made from these descriptions.
"""

import os
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, PositiveInt, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent.parent
LEAST_MONTHS_KEPT = 6
DEMO_SECRET = "demo-secret-for-local-use-only"  # noqa: S105  refused in production

SMS_URL_NAMES = frozenset({"user", "password", "from", "to", "text", "reference", "minutes"})


class Environment(StrEnum):
    """`demo` brings the demo operator and its phone; `production` refuses every unsafe value."""

    DEMO = "demo"
    PRODUCTION = "production"


class SmsGateway(StrEnum):
    """Where SMS go. `demo` keeps them in the database for the demo phone."""

    DEMO = "demo"
    SMPP = "smpp"
    HTTP = "http"


class Concatenation(StrEnum):
    """How an SMS that does not fit into one message is sent by SMPP."""

    UDH = "udh"
    SAR = "sar"
    PAYLOAD = "payload"


class SmtpSecurity(StrEnum):
    """How the connection to the mail server is protected: TLS after the greeting, TLS from the start, nothing."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class PaymentsGateway(StrEnum):
    """Where people pay. `sandbox` is the embedded bank, whose money is not real."""

    SANDBOX = "sandbox"
    YOOKASSA = "yookassa"


class UnsafeSettings(Exception):
    """The settings do not allow a start; the text has one line per setting."""


class Settings(BaseSettings):
    """All settings; see the module."""

    model_config = SettingsConfigDict(env_prefix="CABINET_", extra="ignore", frozen=True, env_ignore_empty=True)

    env: Environment = Field(Environment.DEMO, description="`demo` or `production`")
    database_url: str = Field(
        f"sqlite:///{ROOT / 'var' / 'cabinet.db'}",
        description="SQLite (`sqlite:///path`) or PostgreSQL (`postgresql+psycopg://user:password@host/name`)",
    )
    redis_url: str = Field(
        "", description="Redis, when there is more than one web process: page states, and news from one to another"
    )
    secret_key: str = Field(DEMO_SECRET, description="Secret of at least 32 characters: keys of codes and passwords")
    public_url: str = Field("http://localhost:3000", description="The address subscribers type, without a path")
    host: str = Field("0.0.0.0", description="The address it listens on; behind a proxy of this machine 127.0.0.1")  # noqa: S104
    port: int = Field(3000, ge=1, le=65535, description="The port that `make run` listens on")
    drain_seconds: int = Field(
        0, ge=0, le=60, description="How long a process that was told to stop serves on and says so by `/healthz`"
    )
    worker_inside: bool = Field(
        True, description="A web process runs a worker too; off where workers run by themselves"
    )
    trusted_proxy_hops: int = Field(0, ge=0, le=5, description="How many reverse proxies stand before the program")
    time_zone: str = Field("Europe/Moscow", description="Where the operator's days and billing periods begin")
    catalogue_path: Path = Field(
        ROOT / "cabinet" / "catalogues" / "demo.yaml", description="The YAML file with tariffs, services and packages"
    )
    help_path: Path = Field(
        ROOT / "cabinet" / "help", description="The folder with the articles of the help centre, read by the build"
    )
    files_path: Path = Field(ROOT / "var" / "files", description="The folder of files that people attach to questions")
    file_most_megabytes: int = Field(10, ge=1, le=100, description="The largest file that may be attached, MB")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool = Field(False, description="One JSON object a line instead of readable lines")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Who reads `/metrics` has to bring it (`Authorization: Bearer …`), wherever from"
    )
    metrics_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")),
        description="Without a token: the networks that may read `/metrics`, separated by commas",
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="The port where a worker of its own process answers `/metrics`; 0: nowhere"
    )

    tracing_url: str = Field(
        "",
        description="Where traces go: OTLP over HTTP, like `http://localhost:4318/v1/traces`; empty: nowhere",
    )
    tracing_percent: int = Field(100, ge=1, le=100, description="How many of a hundred traces are sent")

    brand_name: str = Field("Кабинет", min_length=1, max_length=40, description="The name in titles and SMS")
    brand_hue: int = Field(25, ge=0, le=359, description="Brand colour: hue of OKLCH, 25 red, 262 blue, 300 violet")
    brand_chroma: float = Field(0.2, ge=0, le=0.3, description="Brand colour: 0.2, or 0.1 for hues 130 to 235")

    sms_gateway: SmsGateway = Field(
        SmsGateway.DEMO,
        description="`smpp` an SMS centre, `http` an HTTP gateway such as Kannel, `demo` keeps SMS for the demo phone",
    )
    sms_sender: str = Field("CABINET", max_length=11, description="The name or number that SMS come from")
    sms_user: str = Field("", max_length=64, description="The name at the gateway; SMPP: `system_id`, 15 at most")
    sms_password: SecretStr = Field(
        SecretStr(""), description="The password at the gateway; SMPP: 8 characters at most"
    )
    sms_rate: int = Field(0, ge=0, description="SMS a second at most, as the gateway allows; 0 without a limit")
    sms_window: int = Field(10, ge=1, le=1000, description="SMS handed over and not yet answered, at most")
    sms_timeout_seconds: int = Field(10, ge=1, le=14, description="How long the gateway may take to answer")
    sms_host: str = Field("", description="SMPP: the centre's host")
    sms_port: int = Field(2775, ge=1, le=65535, description="SMPP: the centre's port")
    sms_tls: bool = Field(False, description="SMPP: TLS, with a certificate that this machine trusts")
    sms_system_type: str = Field("", max_length=12, description="SMPP: `system_type`, where the centre asks for it")
    sms_concatenation: Concatenation = Field(
        Concatenation.UDH, description="SMPP: how long texts go: `udh`, `sar` or `payload`"
    )
    sms_send_reference: bool = Field(
        True, description="SMPP: send `user_message_reference`; off where the centre refuses optional parameters"
    )
    sms_url: SecretStr = Field(
        SecretStr(""),
        description="HTTP: the address with `{to}` and `{text}`, and where wanted `{user}`, `{password}`, `{from}`, "
        "`{reference}`, `{minutes}`",
    )

    smtp_host: str = Field("", description="The mail server; without one nobody is offered e-mail (but in the demo)")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port")
    smtp_security: SmtpSecurity = Field(SmtpSecurity.STARTTLS, description="`starttls`, `tls` or `none`")
    smtp_user: str = Field("", description="The name at the mail server; none: no login")
    smtp_password: SecretStr = Field(SecretStr(""), description="The password at the mail server")
    smtp_from: str = Field("", description="The address that letters come from")
    smtp_timeout_seconds: int = Field(10, ge=1, le=14, description="How long the mail server may take to answer")

    quiet_from_hour: int = Field(21, ge=0, le=23, description="SMS that can wait are not sent from this hour …")
    quiet_until_hour: int = Field(
        9, ge=0, le=23, description="… to this one, by the operator's clock; equal: never quiet"
    )

    payments_gateway: PaymentsGateway = Field(
        PaymentsGateway.SANDBOX,
        description="Where people pay: `yookassa`, or `sandbox`, the embedded bank without real money",
    )
    payments_shop: str = Field("sandbox-shop", min_length=1, description="The shop's number at the payment gateway")
    payments_secret: str = Field(
        DEMO_SECRET, min_length=1, repr=False, description="The shop's secret key at the payment gateway"
    )
    payments_url: str = Field("", description="The gateway's API when it is not where it usually is; for tests")
    payments_check_address: bool = Field(
        False, description="A message of the gateway must come from its networks; needs `CABINET_TRUSTED_PROXY_HOPS`"
    )
    payments_receipts: bool = Field(
        True, description="Each payment carries its receipt (54-ФЗ); off when your cash register gets it another way"
    )
    payments_vat_code: int = Field(0, ge=0, le=12, description="The receipt's VAT, ЮKassa's code 1 to 12; 0: not set")
    payments_tax_system: int = Field(
        0, ge=0, le=6, description="The receipt's tax system, ЮKassa's code 1 to 6; 0: the shop has only one"
    )
    payments_receipt_subject: Literal["payment", "service"] = Field(
        "payment", description="What the receipt is for: `payment` or `service`"
    )
    payments_receipt_mode: Literal["advance", "full_prepayment", "full_payment"] = Field(
        "advance", description="How the receipt was paid: `advance`, `full_prepayment` or `full_payment`"
    )
    top_up_least_roubles: int = Field(10, ge=1, description="The smallest top-up, roubles")
    top_up_most_roubles: int = Field(15_000, ge=1, description="The largest top-up, roubles")

    code_minutes: int = Field(15, ge=3, le=15, description="How long a one-time code is valid, minutes")
    resend_pauses: Annotated[tuple[PositiveInt, ...], NoDecode] = Field(
        (60, 120, 300), min_length=1, description="Seconds before a code may be sent again: after the first, second, …"
    )
    codes_per_hour: int = Field(5, ge=1, description="One-time codes sent to one number in an hour")
    codes_per_day: int = Field(10, ge=1, description="One-time codes sent to one number in a day")
    codes_per_address_hour: int = Field(
        60, ge=1, description="One-time codes asked from one network address in an hour"
    )
    codes_per_site_minute: int = Field(600, ge=1, description="One-time codes sent by the whole site in a minute")
    code_failures_per_hour: int = Field(15, ge=1, description="Wrong codes for one number in an hour")
    password_tries: int = Field(6, ge=3, description="Wrong passwords for one number in 15 minutes")
    passwords_before_captcha: int = Field(3, ge=1, description="After so many wrong passwords letters are asked for")
    session_idle_minutes: int = Field(30, ge=5, description="A session ends after so long without a move")
    session_hours: int = Field(12, ge=1, description="A session ends after so long in any case")
    remembered_days: int = Field(30, ge=1, description="How long «Запомнить это устройство» lasts")
    confirm_minutes: int = Field(
        15, ge=1, description="For so long after a code a remembered session may change the password without a new one"
    )
    staff_idle_minutes: int = Field(15, ge=5, description="A session of the staff ends after so long without a move")
    staff_session_hours: int = Field(12, ge=1, description="A session of the staff ends after so long in any case")
    usage_months_kept: int = Field(
        13, ge=0, description="Whole months for which calls, messages and traffic are kept in detail; 0: for ever"
    )
    promo_codes_per_hour: int = Field(10, ge=1, description="Promo codes that one subscriber may try in an hour")
    adjustment_most_roubles: int = Field(5_000, ge=1, description="The largest correction of a balance, roubles")
    adjustment_day_roubles: int = Field(
        20_000, ge=1, description="Corrections that one member of the staff may propose in a day, roubles"
    )
    spending_cap_least_roubles: int = Field(
        50, ge=1, description="The smallest monthly cap on usage outside the packages, roubles"
    )
    spending_cap_most_roubles: int = Field(
        100_000, ge=1, description="The largest monthly cap on usage outside the packages, roubles"
    )
    known_device_days: int = Field(180, ge=1, description="A browser that signed in is not asked for letters so long")

    @model_validator(mode="before")
    @classmethod
    def _address_follows_port(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "port" in values and "public_url" not in values:
            return {**values, "public_url": f"http://localhost:{values['port']}"}
        return values

    @field_validator("public_url")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise ValueError("must be like https://lk.example.ru, without a path")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("usage_months_kept")
    @classmethod
    def _is_enough_for_advice(cls, value: int) -> int:
        if 0 < value < LEAST_MONTHS_KEPT:
            raise ValueError(f"must be {LEAST_MONTHS_KEPT} or more, or 0: the advisor looks at half a year")
        return value

    @field_validator("tracing_url")
    @classmethod
    def _is_a_collector(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must be like http://localhost:4318/v1/traces")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is not a time zone such as Europe/Moscow") from error
        return value

    @field_validator("database_url")
    @classmethod
    def _is_a_supported_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
        try:
            make_url(value)
        except (ArgumentError, ValueError):
            raise ValueError("must be like postgresql+psycopg://user:password@host:5432/name") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must be like redis://:password@host:6379/0 (rediss:// for TLS)")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("resend_pauses", "metrics_networks", mode="before")
    @classmethod
    def _is_a_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(filter(None, (part.strip() for part in value.strip().strip("[]").split(","))))
        return value

    @field_validator("sms_url")
    @classmethod
    def _is_a_template(cls, value: SecretStr) -> SecretStr:
        template = value.get_secret_value()
        if not template:
            return value
        try:
            names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        except ValueError:
            raise ValueError("has a brace that is not closed") from None
        if unknown := sorted(names - SMS_URL_NAMES):
            raise ValueError(f"knows no {{{unknown[0]}}}")
        if not {"to", "text"} <= names or not template.startswith(("http://", "https://")):
            raise ValueError("must be like https://host/sendsms?to={to}&text={text}")
        return value

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        faults = self._yookassa_faults() if self.payments_gateway is PaymentsGateway.YOOKASSA else []
        faults += self._message_faults()
        if self.env is Environment.PRODUCTION:
            faults += self._production_faults()
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _yookassa_faults(self) -> list[str]:
        faults = []
        if not (self.payments_shop.isascii() and self.payments_shop.isdigit()):
            faults.append("CABINET_PAYMENTS_SHOP must be the shopId that ЮKassa gave you, digits only")
        if self.payments_secret == DEMO_SECRET:
            faults.append("CABINET_PAYMENTS_SECRET must be the secret key that ЮKassa gave you")
        if self.payments_receipts and not self.payments_vat_code:
            faults.append("CABINET_PAYMENTS_VAT_CODE must be the VAT of receipts, or CABINET_PAYMENTS_RECEIPTS off")
        return faults

    def _message_faults(self) -> list[str]:
        faults = []
        if self.sms_gateway is SmsGateway.SMPP:
            if not self.sms_host:
                faults.append("CABINET_SMS_HOST must be the host of the SMS centre")
            if len(self.sms_user) > 15 or len(self.sms_password.get_secret_value()) > 8:
                faults.append("CABINET_SMS_USER may have 15 characters by SMPP and CABINET_SMS_PASSWORD 8")
        if self.sms_gateway is SmsGateway.HTTP and not self.sms_url.get_secret_value():
            faults.append("CABINET_SMS_URL must be the address of the HTTP gateway")
        if self.smtp_host and "@" not in self.smtp_from:
            faults.append("CABINET_SMTP_FROM must be the address that letters come from")
        return faults

    def _production_faults(self) -> list[str]:
        faults = []
        if self.secret_key == DEMO_SECRET or len(self.secret_key) < 32:
            faults.append("CABINET_SECRET_KEY must be a secret of your own, 32 characters or more")
        if self.sms_gateway is SmsGateway.DEMO:
            faults.append("CABINET_SMS_GATEWAY must be a real gateway, not the demo phone")
        if self.payments_gateway is PaymentsGateway.SANDBOX:
            faults.append("CABINET_PAYMENTS_GATEWAY must be a real gateway, not the sandbox bank")
        if self.payments_secret.startswith("test_"):
            faults.append("CABINET_PAYMENTS_SECRET must be the key of the real shop, not of the test shop")
        if self.payments_url and not self.payments_url.startswith("https://"):
            faults.append("CABINET_PAYMENTS_URL must begin with https://")
        if not self.public_url.startswith("https://"):
            faults.append("CABINET_PUBLIC_URL must begin with https://")
        if self.redis_url and not self.redis_url.startswith("unix://") and not urlsplit(self.redis_url).password:
            faults.append("CABINET_REDIS_URL must have a password: who writes there can run code here")
        return faults

    @property
    def is_demo(self) -> bool:
        """Whether the demo operator, phone and clock exist."""
        return self.env is Environment.DEMO

    @property
    def has_mail(self) -> bool:
        """Whether letters can be sent; in the demo they are kept where its SMS are."""
        return bool(self.smtp_host) or self.is_demo

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is used."""
        return self.database_url.startswith("sqlite")

    @property
    def is_https(self) -> bool:
        """Whether cookies may be `Secure` and carry the `__Host-` prefix."""
        return self.public_url.startswith("https://")


@lru_cache
def settings() -> Settings:
    """The settings of this process.

    Raises:
        UnsafeSettings: a value is wrong or unsafe; the text names each setting on a line of its own.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise UnsafeSettings("\n".join(_fault_lines(error))) from None


def list_unknown() -> list[str]:
    """A line for each variable of the environment that looks like a setting and is none: misspelled, most likely."""
    known = [f"CABINET_{name.upper()}" for name in Settings.model_fields]
    lines = []
    for name in sorted(os.environ):
        if name.upper().startswith("CABINET_") and name.upper() not in known:
            meant = get_close_matches(name.upper(), known, n=1)
            lines.append(f"{name}: there is no such setting" + (f"; did you mean {meant[0]}?" if meant else ""))
    return lines


def list_doubtful() -> list[str]:
    """A line for each setting that is allowed and hardly meant, in production."""
    chosen = settings()
    lines = []
    if chosen.env is Environment.PRODUCTION and not chosen.trusted_proxy_hops:
        lines.append("CABINET_TRUSTED_PROXY_HOPS is 0: behind a proxy all visitors share its address and limits")
    if chosen.redis_url and chosen.is_sqlite:
        lines.append("CABINET_REDIS_URL is for several web processes, and those need PostgreSQL: CABINET_DATABASE_URL")
    return lines


def _fault_lines(error: ValidationError) -> list[str]:
    """One line a fault, without the value: it may be a secret."""
    lines = []
    for fault in error.errors():
        text = fault["msg"].removeprefix("Value error, ")
        if fault["loc"]:
            lines.append(f"CABINET_{str(fault['loc'][0]).upper()}: {text}")
        else:
            lines.extend(text.split("; "))
    return lines
