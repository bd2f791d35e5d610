"""How intensity becomes a verdict: the strategy that is asked for, or what stands in for it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from carbon_scaler.decisions import curve, foresight, planning, quantile, thresholds
from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Ruling
from carbon_scaler.domain.policy import Strategy

Rule = Callable[[Case], Ruling | None]

RULES: Mapping[Strategy, Rule] = {
    Strategy.QUANTILE: quantile.rule,
    Strategy.CURVE: curve.rule,
    Strategy.FORECAST: planning.rule,
}
# Who is asked in turn; where nobody can tell, `threshold` always can.
CHAINS: Mapping[Strategy, tuple[Strategy, ...]] = {
    Strategy.THRESHOLD: (),
    Strategy.QUANTILE: (Strategy.QUANTILE,),
    Strategy.CURVE: (Strategy.CURVE,),
    Strategy.FORECAST: (Strategy.FORECAST, Strategy.QUANTILE),
    Strategy.AUTO: (Strategy.FORECAST,),
}
WANTING: Mapping[Strategy, str] = {
    Strategy.CURVE: "the intensity is not known",
    Strategy.QUANTILE: "less than a day of the region's past is known on the same basis",
}
NO_COST = "the forecast is too short for such a run"


def rule(case: Case) -> Ruling:
    """The verdict of the first of its chain that can tell."""
    asked = case.plan.settings.strategy
    for strategy in CHAINS[asked]:
        ruling = RULES[strategy](case)
        if ruling is not None:
            at_home = strategy is asked or asked is Strategy.AUTO
            return ruling if at_home else _standing_in(case, ruling)
    ruling = thresholds.rule(case)
    return ruling if asked is Strategy.THRESHOLD else _standing_in(case, ruling)


def _standing_in(case: Case, ruling: Ruling) -> Ruling:
    asked = case.plan.settings.strategy
    if asked is Strategy.AUTO and not foresight.is_there(case):
        return ruling
    wanting = WANTING.get(asked) or foresight.wanting(case) or NO_COST
    return replace(
        ruling,
        template=ruling.template + "; it stands in for strategy {asked}: {wanting}",
        figures={**ruling.figures, "asked": str(asked), "wanting": wanting},
    )
