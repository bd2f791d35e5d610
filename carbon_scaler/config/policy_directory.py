"""Which documents a policy directory holds."""

from collections.abc import Mapping
from pathlib import Path

from carbon_scaler.config.yaml_document import PolicyFileError
from carbon_scaler.domain.suggestions import did_you_mean

BACKLOGS = "backlogs.yaml"
PROFILES = "region-profiles.yaml"
SOURCES = "sources.yaml"
DOCUMENTS = frozenset({BACKLOGS, PROFILES, SOURCES})
# Documents of the older platform: ignoring one would drop rules that its author relies on.
LATER_DOCUMENTS = frozenset(
    f"{name}.yaml"
    for name in (
        "carbon-budgets",
        "carbon-thresholds",
        "gdpr-residency-overrides",
        "scheduler-config",
        "time-shift-policies",
        "workload-policies",
    )
)


def policy_documents(directory: Path) -> Mapping[str, Path]:
    """The documents that are there, by name; a YAML file that nobody reads is an error."""
    documents = {file.name: file for file in _yaml_files(directory)}
    for name, file in documents.items():
        if name in LATER_DOCUMENTS:
            raise PolicyFileError(
                f"this version does not read {name} yet; remove it (its rules are not kept), "
                "or use a version that does",
                file=file,
            )
        if name not in DOCUMENTS:
            suggestion = did_you_mean(name, DOCUMENTS | LATER_DOCUMENTS)
            hint = f'did you mean "{suggestion}"? ' if suggestion else ""
            raise PolicyFileError(
                f"is not a policy document; {hint}this version reads {', '.join(sorted(DOCUMENTS))}",
                file=file,
            )
    return documents


def _yaml_files(directory: Path) -> list[Path]:
    try:
        entries = sorted(directory.iterdir())
    except FileNotFoundError:
        raise PolicyFileError("the policy directory does not exist", file=directory) from None
    except NotADirectoryError:
        raise PolicyFileError("the policy directory is not a directory", file=directory) from None
    except OSError as error:
        raise PolicyFileError(
            f"the policy directory cannot be read: {error.strerror}", file=directory
        ) from error
    # A mounted ConfigMap keeps its versions under names that begin with dots.
    return [
        entry
        for entry in entries
        if entry.suffix.lower() in (".yaml", ".yml") and not entry.name.startswith(".")
    ]
