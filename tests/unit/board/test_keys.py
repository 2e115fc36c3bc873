"""`keypad`: events by the looks of the chip."""

import pytest

from bleio.board.keys import Event, Keys


def keys(board, *pins, **options):
    return Keys([getattr(board, pin) for pin in pins], value_when_pressed=False, **options)


def at(time, ms):
    time.us = ms * 1000


def test_presses_come_in_order_with_the_times_of_looks(board, time):
    pad = keys(board, "D5", "D6")
    at(time, 3)
    board.D6.press()
    at(time, 25)
    board.D6.release()
    at(time, 27)
    board.D5.press()
    at(time, 100)
    found = [pad.events.get() for _ in range(3)]
    assert found == [Event(1, True), Event(0, True), Event(1, False)]
    assert [each.timestamp - board.ticks_ms(0) for each in found] == [20, 40, 40]
    assert pad.events.get() is None


def test_what_happens_between_two_looks_is_not_seen(board, time):
    pad = keys(board, "D5")
    at(time, 1)
    board.D5.press()
    at(time, 2)
    board.D5.release()
    at(time, 100)
    assert len(pad.events) == 0


def test_an_event_is_not_there_before_the_look(board, time):
    pad = keys(board, "D5")
    at(time, 1)
    board.D5.press()
    assert not pad.events
    at(time, 20)
    assert pad.events


def test_a_key_that_is_held_from_the_start(board, time):
    board.D5.press()
    pad = keys(board, "D5")
    at(time, 20)
    assert pad.events.get() == Event(0, True)


def test_what_does_not_fit_is_lost_and_told(board, time):
    pad = keys(board, "D5", max_events=2)
    for press in range(3):
        at(time, 100 * press + 10)
        board.D5.press()
        at(time, 100 * press + 50)
        board.D5.release()
    at(time, 1000)
    assert pad.events.overflowed
    assert len(pad.events) == 2
    pad.events.clear()
    assert not pad.events.overflowed


def test_after_deinit_the_pin_is_free(board, time):
    with keys(board, "D5"):
        pass
    board.D5.press()
    keys(board, "D5")


def test_settings_that_are_not_there_are_refused(board):
    with pytest.raises(NotImplementedError, match="debounce_threshold"):
        keys(board, "D5", debounce_threshold=2)
    with pytest.raises(ValueError, match="interval"):
        keys(board, "D5", interval=0)
    keys(board, "D5")  # nothing was taken


def test_pins_are_pulled_away_from_what_is_pressed(board, time):
    keys(board, "D5")
    assert board.D5.value is True
    Keys([board.D6], value_when_pressed=True)
    assert board.D6.value is False
    Keys([board.D7], value_when_pressed=False, pull=False)
    board.D7.drive(False)
    assert board.D7.value is False
