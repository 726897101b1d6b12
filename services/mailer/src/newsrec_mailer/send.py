"""The use case: one digest for every reader who wants one, at most once."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from newsrec_mailer.addresses import is_address
from newsrec_mailer.deliveries import Deliveries, Recipient, Run
from newsrec_mailer.digest import MAX_ARTICLES, Digest, Templates
from newsrec_mailer.errors import TransportError
from newsrec_mailer.links import Links
from newsrec_mailer.message import Sender, compose
from newsrec_mailer.transport import Mail, Outcome, Transport

# So many answers in a row without one success are about us, not about the readers: a blocked
# sender or a broken server must not cost everybody their digest of the day.
MAX_FAILURES_IN_A_ROW = 10


@dataclass
class Counts:
    """What became of the readers of a run: their sum is the number of readers looked at."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    abandoned: int = 0  # claims of mailers that ended, found uncertain; skipped as "already"

    def line(self) -> str:
        """All counts on one line, each outcome named even when it is zero."""
        parts = [f"{o.value} {self.outcomes[o]}" for o in Outcome]
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(self.skipped.items()))
        parts.append(f"skipped {self.skipped.total()}" + (f" ({reasons})" if reasons else ""))
        if self.abandoned:
            parts.append(f"uncertain since a mailer ended {self.abandoned}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Job:
    """What one call of the mailer sends."""

    day: date
    run: Run
    region: str | None
    sender: Sender
    now: Callable[[], datetime]


class DigestSender:
    """Looks at one reader after the other; `counts` is true at every moment."""

    def __init__(
        self,
        job: Job,
        deliveries: Deliveries,
        transport: Transport,
        links: Links,
        templates: Templates,
    ) -> None:
        self.counts = Counts()
        self._job = job
        self._deliveries = deliveries
        self._transport = transport
        self._links = links
        self._templates = templates
        self._failures = 0

    def send_all(self, readers: Iterable[str], stop: Callable[[], bool]) -> None:
        """Send to each of the readers, until `stop()` is true between two of them.

        The transport is open already, so that a dead server is found while nothing is claimed.

        Raises:
            TransportError: when nothing can be handed over; no claim is left behind.
        """
        self.counts.abandoned += self._deliveries.abandon_claims_of_the_dead()
        for user_id in readers:
            if stop():
                break
            self._look_at(user_id)
        self.counts.abandoned += self._deliveries.abandon_claims_of_the_dead()

    def _look_at(self, user_id: str) -> None:
        recipient = self._deliveries.recipient(self._job.day, user_id)
        reason = _why_not(recipient, self._job.region)
        if reason is None:
            reason = self._send(user_id, recipient)
        if reason is not None:
            self.counts.skipped[reason] += 1

    def _send(self, user_id: str, recipient: Recipient) -> str | None:
        """Claim, hand over, record; or the reason why not."""
        job = self._job
        articles = self._deliveries.articles(job.run, user_id, MAX_ARTICLES)
        if not articles:
            return "nothing to read"
        digest = Digest(
            day=job.day,
            language=recipient.language,
            articles=articles,
            article_urls=[
                self._links.article(user_id, a.article_id, job.day, job.run.run_id)
                for a in articles
            ],
            unsubscribe_url=self._links.unsubscribe(user_id),
        )
        # Made before the claim: whatever fails in here claims nothing.
        address = recipient.email or ""
        message_id = self._links.message_id(user_id, job.day, job.sender.domain)
        content = compose(
            *(job.sender, address, message_id, digest, self._templates.render(digest), job.now())
        )
        ids = [a.article_id for a in articles]
        if not self._deliveries.claim(job.day, user_id, job.run, message_id, ids):
            return "already"
        self._hand_over(user_id, Mail(job.sender.address, address, message_id, content))
        return None

    def _hand_over(self, user_id: str, mail: Mail) -> None:
        day = self._job.day
        try:
            answer = self._transport.send(mail)
        except TransportError:
            self._deliveries.release(day, user_id)
            raise
        if answer.outcome is Outcome.DEFERRED:
            self._deliveries.release(day, user_id)
        else:
            self._deliveries.finish(day, user_id, answer.outcome, answer.detail)
        self.counts.outcomes[answer.outcome] += 1
        self._failures = 0 if answer.outcome is Outcome.SENT else self._failures + 1
        if self._failures == MAX_FAILURES_IN_A_ROW:
            raise TransportError(f"{self._failures} failures in a row, the last: {answer.detail}")


def _why_not(recipient: Recipient, region: str | None) -> str | None:
    if region is not None and recipient.region != region:
        return "other region"
    if recipient.delivered:
        return "already"
    if recipient.email is None:
        return "no email"
    if not recipient.consent:
        return "no consent"
    return None if is_address(recipient.email) else "unusable address"
