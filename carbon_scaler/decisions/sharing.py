"""What a trigger says of the regions that share its work."""

from collections.abc import Collection, Iterator

from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.place import POLLED_EVERY, SharedWork
from carbon_scaler.domain.policy import DEFAULT_CLASS, Policy, Settings
from carbon_scaler.domain.regions import Catalog, split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import Mode, Problem, Trigger


def listed_regions(trigger: Trigger) -> tuple[str, ...]:
    """Each once, without its provider, in the trigger's order."""
    return tuple(dict.fromkeys(split_region(written)[1] for written in trigger.regions))


def problems(
    trigger: Trigger, region: str, catalog: Catalog, stored_regions: Collection[str]
) -> Iterator[Problem]:
    """A region that nobody knows, one of another provider, or the trigger's own that is missing."""
    for written in trigger.regions:
        provider, name = split_region(written)
        known = catalog.get(name)
        if known is None and name not in stored_regions:
            names = {*catalog, *stored_regions}
            yield Problem(key="regions", said=written, allowed=allowed_names(name, names))
        elif provider and known and provider != known.provider:
            allowed = f"{name} is a region of {known.provider}"
            yield Problem(key="regions", said=written, allowed=allowed)
    if trigger.regions and region not in listed_regions(trigger):
        yield Problem(
            key="regions",
            said=",".join(trigger.regions),
            allowed=f"it must name {region} too, the region of this trigger, and be the same "
            "in all clusters",
        )


def shared_work(
    trigger: Trigger, mode: Mode, policy: Policy, catalog: Catalog
) -> SharedWork | None:
    """None: no other region is listed."""
    regions = listed_regions(trigger)
    if not regions[1:]:
        return None
    counted = trigger.backlog if mode is Mode.QUEUE else None
    known = {name: catalog[name] for name in regions if name in catalog}
    return SharedWork(
        # A backlog's name has no slash.
        key=counted or f"{trigger.namespace}/{trigger.name}",
        regions=regions,
        preferred=policy.classes[trigger.workload_class or DEFAULT_CLASS].preferred_regions,
        weights=policy.weights,
        costs={name: each.cost_multiplier for name, each in known.items()},
    )


def warnings(trigger: Trigger, mode: Mode, settings: Settings) -> Iterator[str]:
    """A lead that is too short for one region after the other to be polled in it."""
    regions = listed_regions(trigger)
    needed = len(regions) * POLLED_EVERY
    if regions[1:] and mode is Mode.QUEUE and settings.lead < needed:
        yield (
            f"lead: {format_duration(settings.lead)} is short for {len(regions)} regions, "
            f"of which one after the other starts what is left; from {format_duration(needed)} on "
            "each is polled in time"
        )
