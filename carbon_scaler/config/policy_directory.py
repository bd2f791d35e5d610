"""Which documents a policy directory holds."""

from collections.abc import Mapping
from pathlib import Path

from carbon_scaler.config.yaml_document import PolicyFileError, YamlDocument, read_yaml
from carbon_scaler.domain.suggestions import did_you_mean

BACKLOGS = "backlogs.yaml"
BANDS = "carbon-thresholds.yaml"
BUDGETS = "carbon-budgets.yaml"
CLASSES = "workload-policies.yaml"
PROFILES = "region-profiles.yaml"
RESIDENCY = "gdpr-residency-overrides.yaml"
SCHEDULER = "scheduler-config.yaml"
SOURCES = "sources.yaml"
WINDOWS = "time-shift-policies.yaml"
DOCUMENTS = frozenset(
    {BACKLOGS, BANDS, BUDGETS, CLASSES, PROFILES, RESIDENCY, SCHEDULER, SOURCES, WINDOWS}
)


def policy_documents(directory: Path) -> Mapping[str, Path]:
    """The documents that are there, by name; a YAML file that nobody reads is an error."""
    documents = {file.name: file for file in _yaml_files(directory)}
    for name, file in documents.items():
        if name not in DOCUMENTS:
            suggestion = did_you_mean(name, DOCUMENTS)
            hint = f'did you mean "{suggestion}"? ' if suggestion else ""
            raise PolicyFileError(
                f"is not a policy document; {hint}this version reads {', '.join(sorted(DOCUMENTS))}",
                file=file,
            )
    return documents


def document_of(documents: Mapping[str, Path], name: str) -> YamlDocument:
    """The document of this name; one that is not there states nothing."""
    file = documents.get(name)
    return YamlDocument(file=Path(name), value=None, lines={}) if file is None else read_yaml(file)


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
