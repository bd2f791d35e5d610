"""What a policy says to all triggers of a class in a region, worked out once for all of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from carbon_scaler.domain.policy import (
    BUILT_IN_POLICY,
    NOTHING_STATED,
    SETTING_NAMES,
    Policy,
    Settings,
    StatedSettings,
    Strategy,
)
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.trigger import HintTerms
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

# Triggers may state anything; what so many of them stated is forgotten at once.
MOST_KEPT = 1_000

# Whose limit made it the strategy.
LIMIT_OF = "limit of "
# What only the strategy `threshold` compares with.
LIMITS = ("threshold", "min_renewable_percent", "require_mix")

Effective = tuple[Settings, Mapping[str, str]]


class PolicyTerms:
    """One policy on one catalog; what was asked for once is looked up."""

    def __init__(self, policy: Policy, catalog: Catalog) -> None:
        self._policy = policy
        self._catalog = catalog
        self._settings: dict[tuple[str, StatedSettings], Effective] = {}
        self._windows: dict[str, tuple[TimeWindow, ...]] = {}
        self._hints: dict[tuple[str, str], HintTerms | None] = {}

    def settings(self, class_name: str, stated: StatedSettings) -> Effective:
        """The settings in force and who states each; an unknown class states none."""
        key = class_name, stated
        found = self._settings.get(key)
        if found is None:
            _make_room(self._settings)
            found = self._settings[key] = _effective(class_name, stated, self._policy)
        return found

    def windows(self, region: str) -> tuple[TimeWindow, ...]:
        """Those that change something in this region, each by a clock of its own."""
        found = self._windows.get(region)
        if found is None:
            _make_room(self._windows)
            found = self._windows[region] = _windows(region, self._policy, self._catalog)
        return found

    def hint_terms(self, class_name: str, region: str) -> HintTerms | None:
        """Where else the work of a known class might run; None: it names no other region."""
        key = class_name, region
        if key not in self._hints:
            _make_room(self._hints)
            self._hints[key] = _hint_terms(class_name, region, self._policy, self._catalog)
        return self._hints[key]


def _make_room(kept: dict[Any, Any]) -> None:
    if len(kept) >= MOST_KEPT:
        kept.clear()


def _effective(class_name: str, stated: StatedSettings, policy: Policy) -> Effective:
    layers = {"trigger": stated}
    workload_class = policy.classes.get(class_name)
    if workload_class is not None:
        layers[f"class {class_name}"] = workload_class.stated
    settings, origins = _layered({**layers, "default": policy.defaults})
    if origins["strategy"] == "default" and settings.strategy is Strategy.AUTO:
        # Whoever states a limit wants that limit; those that are built in only count meanwhile.
        stated_by = _who_states_a_limit(class_name, stated, policy)
        if stated_by is not None:
            settings = replace(settings, strategy=Strategy.THRESHOLD)
            origins["strategy"] = LIMIT_OF + stated_by
    if not policy.time_shift.enabled:
        settings = replace(settings, strategy=Strategy.THRESHOLD)
        origins["strategy"] = "time-shift-policies.yaml"
    return settings, origins


def _who_states_a_limit(class_name: str, stated: StatedSettings, policy: Policy) -> str | None:
    layers = [("trigger", stated, NOTHING_STATED)]
    if class_name in policy.classes:
        built_in = BUILT_IN_POLICY.classes.get(class_name)
        below = NOTHING_STATED if built_in is None else built_in.stated
        layers.append((f"class {class_name}", policy.classes[class_name].stated, below))
    layers.append(("default", policy.defaults, BUILT_IN_POLICY.defaults))
    return next(
        (who for who, said, below in layers if any(_says_anew(said, below, key) for key in LIMITS)),
        None,
    )


def _says_anew(said: StatedSettings, below: StatedSettings, key: str) -> bool:
    value = getattr(said, key)
    return value is not None and value != getattr(below, key)


def _layered(layers: Mapping[str, StatedSettings]) -> tuple[Settings, dict[str, str]]:
    """The first layer that states a setting gives it."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in SETTING_NAMES:
        stated = {origin: getattr(layer, name) for origin, layer in layers.items()}
        origins[name] = next((o for o, value in stated.items() if value is not None), "default")
        values[name] = stated[origins[name]]
    if values["release"] is None:
        values["release"] = max(2 * values["lead"], timedelta(minutes=5))
    return Settings(**values), origins


def _hint_terms(class_name: str, region: str, policy: Policy, catalog: Catalog) -> HintTerms | None:
    workload_class = policy.classes[class_name]
    candidates = (*workload_class.preferred_regions, *workload_class.fallback_regions)
    if not candidates:
        return None
    known = {name: catalog[name] for name in (region, *candidates) if name in catalog}
    return HintTerms(
        preferred=workload_class.preferred_regions,
        fallback=workload_class.fallback_regions,
        weights=policy.weights,
        costs={name: each.cost_multiplier for name, each in known.items()},
    )


def _windows(region: str, policy: Policy, catalog: Catalog) -> tuple[TimeWindow, ...]:
    if not policy.time_shift.enabled:
        return ()
    place = catalog.get(region)
    own: tuple[TimeWindow, ...] = () if place is None else place.clean_hours
    zone = UTC if place is None else place.timezone
    stated = [
        window
        for window in (*policy.time_shift.windows, *own)
        if (not window.regions or region in window.regions)
        and (window.effect is WindowEffect.FORBID or window.bonus_percent > 0)
    ]
    return tuple(
        replace(window, timezone=window.timezone or zone)
        for window in sorted(stated, key=lambda each: each.priority)
    )
