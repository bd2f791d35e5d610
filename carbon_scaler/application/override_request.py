"""What an operator asks for, and why it is refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.override import OverrideAction

# What is meant to last belongs in the policy.
LONGEST_OVERRIDE = timedelta(days=90)
LONGEST_TEXT = 500


class OverrideRefusedError(CarbonScalerError):
    """An override was asked for that can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRequest:
    """An override that is not stored yet; exactly one of the last three is to be stated."""

    action: OverrideAction
    until: datetime
    reason: str
    by: str
    scaled_object: tuple[str, str] | None = None
    workload_class: str | None = None
    region: str | None = None


def check_request(request: OverrideRequest, now: datetime) -> None:
    """Raises with all that is wrong with it."""
    problems = [
        *_subject_problems(request),
        *_until_problems(request.until, now),
        *_text_problems("--reason", request.reason, "say why, for whoever finds work held"),
        *_text_problems("--by", request.by, "say who states it"),
    ]
    if problems:
        raise OverrideRefusedError("; ".join(problems))


def _subject_problems(request: OverrideRequest) -> Iterator[str]:
    subjects = (
        request.scaled_object,
        None if request.workload_class is None else (request.workload_class,),
        None if request.region is None else (request.region,),
    )
    stated = [subject for subject in subjects if subject is not None]
    wanted = "name exactly one of --object NAMESPACE/NAME, --class NAME and --region NAME"
    if len(stated) != 1:
        yield f"it is about {'nothing' if not stated else f'{len(stated)} subjects'}; {wanted}"
    elif not all(part.strip() for part in stated[0]):
        yield f"its subject is empty; {wanted}"


def _until_problems(until: datetime, now: datetime) -> Iterator[str]:
    if until <= now:
        yield f"it would end at {_text(until)}, which is past; choose a later instant"
    elif until > now + LONGEST_OVERRIDE:
        latest = _text(now + LONGEST_OVERRIDE)
        yield (
            f"it would end at {_text(until)}; at most {LONGEST_OVERRIDE.days} days ahead are "
            f"allowed ({latest}), and what is to last belongs in the policy"
        )


def _text_problems(option: str, text: str, wanted: str) -> Iterator[str]:
    if not text.strip():
        yield f"{option} is empty; {wanted}"
    elif len(text) > LONGEST_TEXT or not text.isprintable():
        yield f"{option} must be one line of at most {LONGEST_TEXT} printable characters"


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
