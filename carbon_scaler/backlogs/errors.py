"""What goes wrong while a backlog is read."""

from carbon_scaler.domain.errors import CarbonScalerError


class BacklogUnavailableError(CarbonScalerError):
    """A backlog that could not be read; the text is the cause alone, without secrets or row data."""

    def __init__(self, cause: str, *, backlog: str) -> None:
        super().__init__(cause)
        self.backlog = backlog
