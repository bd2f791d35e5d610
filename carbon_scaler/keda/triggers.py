"""The triggers that were polled: each is parsed once, however its map is ordered."""

from collections.abc import Iterator
from hashlib import blake2b

from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.subjects import Subject
from carbon_scaler.keda.metadata import parse_trigger
from carbon_scaler.protocol import externalscaler_pb2 as pb

MOST_TRIGGERS = 150_000
_DIGEST_BYTES = 16


class KnownTriggers:
    """A bounded table from what a trigger says to its subject."""

    def __init__(self, evaluator: Evaluator, *, most: int = MOST_TRIGGERS) -> None:
        self._evaluator = evaluator
        self._most = most
        self._subjects: dict[bytes, Subject] = {}

    def __len__(self) -> int:
        return len(self._subjects)

    def __iter__(self) -> Iterator[Subject]:
        return iter(tuple(self._subjects.values()))

    def subject(self, ref: pb.ScaledObjectRef) -> Subject:
        """The subject of a reference; KEDA sends one trigger in many byte orders."""
        # A digest, because 100,000 keys of full length would cost hundreds of megabytes.
        key = blake2b(ref.SerializeToString(deterministic=True), digest_size=_DIGEST_BYTES).digest()
        subject = self._subjects.get(key)
        if subject is None:
            subject = self._evaluator.subject(
                parse_trigger(ref.namespace, ref.name, ref.scalerMetadata)
            )
            self._make_room()
            self._subjects[key] = subject
        elif subject.rulebook is not self._evaluator.rulebook:
            trigger = parse_trigger(ref.namespace, ref.name, ref.scalerMetadata)
            self._evaluator.renew(subject, trigger)
        return subject

    def _make_room(self) -> None:
        if len(self._subjects) < self._most:
            return
        # The oldest quarter goes at once, so that a flood does not pay for each entry.
        for key in list(self._subjects)[: max(1, self._most // 4)]:
            del self._subjects[key]
