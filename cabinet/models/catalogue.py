"""What the operator sells, as immutable versions: what was sold once can be explained for ever."""

from datetime import datetime

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from cabinet.domain.catalogue import SoldKind, VersionOutcome
from cabinet.models.base import BigId, Choice, Instant, Json


class _Version(SQLModel):
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(max_length=40)
    version: int
    name: str = Field(max_length=80)
    content: dict = Field(sa_type=Json, description="The canonical content of the catalogue file")
    digest: str = Field(max_length=64, description="SHA-256 of the content")
    is_archived: bool = Field(default=False, description="Closed for joining; the only thing that may change")
    archived_in_file: bool = Field(
        default=False, description="What the file said of it last: only another word of the file is followed"
    )
    loaded_at: datetime = Field(sa_type=Instant)


class PlanVersion(_Version, table=True):
    """A version of a tariff plan."""

    __tablename__ = "plan_version"
    __table_args__ = (UniqueConstraint("code", "version"),)


class OptionVersion(_Version, table=True):
    """A version of an extra service."""

    __tablename__ = "option_version"
    __table_args__ = (UniqueConstraint("code", "version"),)


class PromisedPaymentVersion(_Version, table=True):
    """A version of the terms of promised payments."""

    __tablename__ = "promised_payment_version"
    __table_args__ = (UniqueConstraint("code", "version"),)


class BundleVersion(_Version, table=True):
    """A version of a package of minutes, gigabytes or SMS."""

    __tablename__ = "bundle_version"
    __table_args__ = (UniqueConstraint("code", "version"),)


class EnglishWord(SQLModel, table=True):
    """English words of the operator's beside the Russian ones, which may be of any version or promotion."""

    __tablename__ = "english_word"

    digest: str = Field(
        primary_key=True, max_length=64, description="SHA-256 of `russian`, which is too long for a key"
    )
    russian: str = Field(sa_type=Text)
    english: str = Field(sa_type=Text, description="Empty: taken back")
    english_in_file: str = Field(
        default="", sa_type=Text, description="What the file said last: only another word of the file is followed"
    )
    changed_at: datetime = Field(index=True, sa_type=Instant)


class PlannedVersion(SQLModel, table=True):
    """A version that the desk has written; it comes on sale at `starts_at`, if no other came in its place before."""

    __tablename__ = "planned_version"
    __table_args__ = (
        Index(
            "ix_planned_version_waiting",
            "kind",
            "code",
            unique=True,
            sqlite_where=text("outcome = 'waiting'"),
            postgresql_where=text("outcome = 'waiting'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: SoldKind = Field(sa_type=Choice(SoldKind))
    code: str = Field(max_length=40)
    version: int
    content: dict = Field(sa_type=Json)
    staff_id: int = Field(foreign_key="staff_member.id", sa_type=BigId)
    planned_at: datetime = Field(sa_type=Instant)
    starts_at: datetime = Field(sa_type=Instant)
    outcome: VersionOutcome = Field(default=VersionOutcome.WAITING, sa_type=Choice(VersionOutcome))
