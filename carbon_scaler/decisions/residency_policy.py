"""Residency for programs: one tenant's policy, asked region by region."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from carbon_scaler.decisions import hints, residency
from carbon_scaler.decisions.residency import Permission
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.residency import (
    BUILT_IN_ADEQUACY,
    Adequacy,
    CarbonHint,
    HintRuling,
    Level,
    Tenant,
)
from carbon_scaler.domain.trigger import Tenancy

# What a job takes where nobody says.
JOB_ENERGY_KWH = 0.5
HINT = "hint"


class PrimaryNotAllowedError(CarbonScalerError):
    """A tenant's primary region is one that its own rules forbid."""

    def __init__(self, tenant: Tenant, why: str) -> None:
        self.tenant = tenant
        super().__init__(
            f"primary_region {tenant.primary_region} is not allowed under {tenant.level}: {why}; "
            "name one that is"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRegion:
    """What one job emits in a region, and whether the law and the decision have it."""

    region: str
    grams_per_kwh: float
    emissions_grams: float
    # Against the suggested region.
    penalty_grams: float
    lawful: bool
    chosen: bool


Place = Literal["allow", "redirect", "deny"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidencyDecision:
    """Where the work may run; `redirect` means elsewhere than was asked."""

    outcome: Place
    # None: nowhere.
    enforced_region: str | None
    carbon_hint_overridden: bool
    reason: str
    # What keeping the law costs one job.
    penalty_grams: float
    # The present region less the suggested one; 0 without a hint.
    difference_grams_per_kwh: float
    # What was asked, in order: residency, then the hint if there is one.
    rulings: tuple[Ruling, ...]
    # Staying and following the hint, side by side; empty without one.
    compared: tuple[ComparedRegion, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether it may run at all, here or elsewhere."""
        return self.outcome != "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideStats:
    """How often the law overrode a hint, and what that cost."""

    decisions: int
    overridden: int
    total_penalty_grams: float

    @property
    def override_rate(self) -> float:
        """The share of all decisions; 0 where there is none."""
        return self.overridden / self.decisions if self.decisions else 0.0


@dataclass(frozen=True, slots=True)
class ResidencyPolicy:
    """One tenant's rules at one instant, by the same judgement as every live decision's."""

    tenant: Tenant
    catalog: Catalog
    now: datetime = field(kw_only=True)
    adequacy: Adequacy = field(default_factory=lambda: BUILT_IN_ADEQUACY, kw_only=True)

    def permission(self, region: str) -> Permission:
        """Whether the tenant's level and list have this region now, and why; in whatever mode."""
        place = self.catalog.get(region)
        return residency.permission(self.tenant, region, place, self.adequacy, now=self.now)

    def is_region_allowed(self, region: str) -> bool:
        """The permission alone."""
        return self.permission(region).allowed

    def evaluate(
        self,
        requested_region: str,
        hint: CarbonHint | None = None,
        *,
        energy_kwh: float = JOB_ENERGY_KWH,
    ) -> ResidencyDecision:
        """Where work that asks for a region may run, and what becomes of a hint to a cleaner one."""
        by_law = _by_law(
            requested_region, residency.judge(self._tenancy, requested_region, self.now)
        )
        if hint is None:
            return by_law
        difference = hint.current_grams_per_kwh - hint.suggested_grams_per_kwh
        decision = replace(by_law, difference_grams_per_kwh=difference)
        if by_law.enforced_region is None:
            return replace(decision, carbon_hint_overridden=True)
        if not hint.savings_percent > 0:
            return replace(decision, rulings=(*by_law.rulings, _saves_nothing(hint)))
        may_go = hints.may_go(self._tenancy, hint.suggested_region, self.now)
        judged = hints.judge(hint, self.tenant, may_go=may_go, energy_kwh=energy_kwh)
        enforced = by_law.enforced_region if judged.overridden else hint.suggested_region
        return replace(
            decision,
            outcome=_outcome(requested_region, enforced),
            enforced_region=enforced,
            carbon_hint_overridden=judged.overridden,
            reason=judged.reason,
            penalty_grams=judged.penalty_grams,
            rulings=(*by_law.rulings, _as_ruling(judged)),
            compared=self._compared(hint, by_law.enforced_region, enforced, energy_kwh),
        )

    def _compared(
        self, hint: CarbonHint, home: str, enforced: str | None, energy_kwh: float
    ) -> tuple[ComparedRegion, ...]:
        suggested_grams = hint.suggested_grams_per_kwh
        # The hint may be to where the law sends the work anyway.
        grams_of = {home: hint.current_grams_per_kwh, hint.suggested_region: suggested_grams}
        return tuple(
            ComparedRegion(
                region=region,
                grams_per_kwh=grams,
                emissions_grams=grams * energy_kwh,
                penalty_grams=(grams - suggested_grams) * energy_kwh,
                lawful=self.is_region_allowed(region),
                chosen=region == enforced,
            )
            for region, grams in grams_of.items()
        )

    @property
    def _tenancy(self) -> Tenancy:
        return Tenancy(
            tenant_name=self.tenant.name,
            origin="program",
            tenant=self.tenant,
            refusal=None,
            places=self.catalog,
            adequacy=self.adequacy,
        )


def override_stats(decisions: Iterable[ResidencyDecision]) -> OverrideStats:
    """What keeping the law cost over many decisions."""
    made = list(decisions)
    return OverrideStats(
        decisions=len(made),
        overridden=sum(each.carbon_hint_overridden for each in made),
        total_penalty_grams=math.fsum(each.penalty_grams for each in made),
    )


def eu_strict(tenant: str, primary: str, *, catalog: Catalog, now: datetime) -> ResidencyPolicy:
    """EU and EEA only, enforced."""
    whose = Tenant(name=tenant, level=Level.EU_STRICT, primary_region=primary)
    return _checked(ResidencyPolicy(whose, catalog, now=now))


def eu_adequate(
    tenant: str,
    primary: str,
    *,
    catalog: Catalog,
    now: datetime,
    adequacy: Adequacy = BUILT_IN_ADEQUACY,
) -> ResidencyPolicy:
    """EU, EEA and what an adequacy entry in force adds, enforced."""
    whose = Tenant(name=tenant, level=Level.EU_ADEQUATE, primary_region=primary)
    return _checked(ResidencyPolicy(whose, catalog, now=now, adequacy=adequacy))


def us_only(tenant: str, primary: str, *, catalog: Catalog, now: datetime) -> ResidencyPolicy:
    """Regions in the US only, enforced."""
    whose = Tenant(name=tenant, level=Level.US_ONLY, primary_region=primary)
    return _checked(ResidencyPolicy(whose, catalog, now=now))


def global_level(tenant: str, primary: str, *, catalog: Catalog, now: datetime) -> ResidencyPolicy:
    """Every known region."""
    whose = Tenant(name=tenant, level=Level.GLOBAL, primary_region=primary)
    return _checked(ResidencyPolicy(whose, catalog, now=now))


def single_region(tenant: str, primary: str, *, catalog: Catalog, now: datetime) -> ResidencyPolicy:
    """The primary region alone, enforced."""
    whose = Tenant(name=tenant, level=Level.SINGLE_REGION, primary_region=primary)
    return _checked(ResidencyPolicy(whose, catalog, now=now))


def _checked(policy: ResidencyPolicy) -> ResidencyPolicy:
    tenant = policy.tenant
    primary = policy.permission(str(tenant.primary_region))
    if not primary.allowed:
        raise PrimaryNotAllowedError(tenant, primary.why)
    return policy


def _by_law(requested_region: str, law: Ruling) -> ResidencyDecision:
    home = law.figures["enforced_region"]
    enforced = home if isinstance(home, str) else None
    return ResidencyDecision(
        outcome=_outcome(requested_region, enforced),
        enforced_region=enforced,
        carbon_hint_overridden=False,
        reason=law.text,
        penalty_grams=0.0,
        difference_grams_per_kwh=0.0,
        rulings=(law,),
    )


def _outcome(requested_region: str, enforced_region: str | None) -> Place:
    if enforced_region is None:
        return "deny"
    return "allow" if enforced_region == requested_region else "redirect"


def _saves_nothing(hint: CarbonHint) -> Ruling:
    return Ruling(
        rule=HINT,
        outcome=Outcome.PASSED,
        reason="hint_saves_nothing",
        template="{region} is not cleaner: nothing is suggested",
        figures={"region": hint.suggested_region},
    )


def _as_ruling(judged: HintRuling) -> Ruling:
    return Ruling(
        rule=HINT,
        outcome=Outcome.PASSED,
        reason="hint_overridden" if judged.overridden else "hint_followed",
        template="{text}",
        figures={
            "region": judged.hint.suggested_region,
            "savings_percent": judged.hint.savings_percent,
            "penalty_grams": judged.penalty_grams,
            "text": judged.reason,
        },
    )
