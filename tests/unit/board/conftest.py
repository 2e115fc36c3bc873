"""A board by itself, and its time."""

import pytest

from bleio.board.board import Board
from bleio.board.modules import make_modules


class Time:
    """Time that looks take 20 us of."""

    def __init__(self):
        self.us = 0

    def now_us(self):
        return self.us

    def look(self):
        self.us += 20

    def sleep(self, seconds):
        self.us += round(seconds * 1e6)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def board(time):
    return Board(time.now_us, time.look, "test")


@pytest.fixture
def modules(board, time):
    return make_modules(board, time.sleep)
