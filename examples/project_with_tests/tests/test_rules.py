"""The rules, without a radio."""

import math

import pytest
from greenhouse import allowed, should_heat


@pytest.mark.parametrize(
    ("asked", "target"), [(20, 20), (100, 30), (-40, 5), (math.inf, 30), (math.nan, 5)]
)
def test_targets_stay_where_plants_survive(asked, target):
    assert allowed(asked) == target


@pytest.mark.parametrize(
    ("celsius", "heating", "should"),
    [(19.4, False, True), (19.6, False, False), (20.4, True, True), (20.5, True, False)],
)
def test_the_heater_does_not_flicker(celsius, heating, should):
    assert should_heat(celsius, 20, heating) is should
