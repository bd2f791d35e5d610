"""Carbon and cost of one region against another."""

import math

from carbon_scaler.decisions.weighing import share_of, weighed
from carbon_scaler.domain.policy import Weights


def test_staying_counts_one():
    assert weighed(Weights(carbon=0.7, cost=0.3), carbon=1.0, cost=1.0) == 1.0


def test_what_has_no_weight_does_not_count_even_where_it_is_without_measure():
    assert weighed(Weights(carbon=0.0, cost=1.0), carbon=math.inf, cost=1.1) == 1.1


def test_nothing_is_as_good_as_nothing_and_all_else_is_worse_without_measure():
    assert share_of(0.0, 0.0) == 1.0
    assert share_of(1.0, 0.0) == math.inf
    assert share_of(1.0, 4.0) == 0.25
