"""How intensity becomes a verdict: the strategy that is asked for, or what stands in for it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from carbon_scaler.decisions import curve, quantile, thresholds
from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Ruling
from carbon_scaler.domain.policy import Strategy

Rule = Callable[[Case], Ruling | None]

RULES: Mapping[Strategy, Rule] = {
    Strategy.QUANTILE: quantile.rule,
    Strategy.CURVE: curve.rule,
}
# Who is asked in turn; where nobody can tell, `threshold` always can.
CHAINS: Mapping[Strategy, tuple[Strategy, ...]] = {
    Strategy.THRESHOLD: (),
    Strategy.QUANTILE: (Strategy.QUANTILE,),
    Strategy.CURVE: (Strategy.CURVE,),
    Strategy.FORECAST: (Strategy.QUANTILE,),
}
WANTING: Mapping[Strategy, str] = {
    Strategy.CURVE: "the intensity is not known",
    Strategy.QUANTILE: "less than a day of the region's past is known on the same basis",
    Strategy.FORECAST: "no forecast of our own is there yet",
}


def rule(case: Case) -> Ruling:
    """The verdict of the first of its chain that can tell."""
    asked = case.plan.settings.strategy
    for strategy in CHAINS[asked]:
        ruling = RULES[strategy](case)
        if ruling is not None:
            return ruling if strategy is asked else _standing_in(ruling, asked)
    ruling = thresholds.rule(case)
    return ruling if asked is Strategy.THRESHOLD else _standing_in(ruling, asked)


def _standing_in(ruling: Ruling, asked: Strategy) -> Ruling:
    return replace(
        ruling,
        template=ruling.template + "; it stands in for strategy {asked}: {wanting}",
        figures={**ruling.figures, "asked": str(asked), "wanting": WANTING[asked]},
    )
