"""What Alertmanager sends (webhook of version 4), and the names that we derive from it."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(max_length=8192)]
Name = Annotated[str, StringConstraints(max_length=256)]
# Alertmanager's hash of an alert's labels: 64 bits in hexadecimal.
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
# Go's zero time means "not set"; and a day's distance from the ends of time is left to reckon in.
Started = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 2, tzinfo=UTC), le=datetime(9999, 1, 1, tzinfo=UTC)),
]


class Alert(BaseModel):
    """One alert. Fields that later versions add are ignored."""

    model_config = ConfigDict(frozen=True)

    status: Literal["firing", "resolved"]
    labels: dict[Name, Text]
    annotations: dict[Name, Text]
    starts_at: Started = Field(alias="startsAt")
    fingerprint: Fingerprint

    @property
    def name(self) -> str:
        """Its `alertname`, or nothing."""
        return self.labels.get("alertname", "")

    @property
    def action(self) -> str | None:
        """What the alert asks for: the label `action`, else the annotation."""
        return self.labels.get("action") or self.annotations.get("action") or None

    @property
    def day(self) -> date:
        """The day that the alert is about: its `day`, else the last whole day (UTC) before it."""
        for named in (self.labels.get("day"), self.annotations.get("day")):
            try:
                return date.fromisoformat(named or "")
            except ValueError:
                continue
        return (self.starts_at.astimezone(UTC) - timedelta(days=1)).date()

    @property
    def run_id(self) -> str:
        """The same for every delivery of this firing, another for the next: our idempotency key.

        It follows Airflow's `[scheduler] allowed_run_id_pattern`, and begins with no word that
        Airflow keeps for its own runs.
        """
        started = self.starts_at.astimezone(UTC)
        return f"alert__{self.fingerprint}__{started:%Y%m%dT%H%M%S.%fZ}"


class Notification(BaseModel):
    """One POST of Alertmanager: a group of alerts."""

    version: Literal["4"]
    group_key: Text = Field(alias="groupKey")
    status: Literal["firing", "resolved"]
    receiver: Name
    truncated_alerts: int = Field(default=0, alias="truncatedAlerts", ge=0)
    alerts: Annotated[list[Alert], Field(max_length=1000)]
