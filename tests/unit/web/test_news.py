"""News on their way to browsers: gathered, merged, bounded, and never lost silently."""

from __future__ import annotations

from typing import Any

from bleio.decoding.records import Decoded
from bleio.pages.rows import MOST_TEXT, event_row, output_row, packet_row
from bleio.radio.air.propagation import Propagation
from bleio.web import packets as packets_module, plane
from bleio.web.feed import Feed
from bleio.web.mirror import LOG_KEPT, ROWS_KEPT, Mirror
from bleio.web.packets import MOST_FLIGHTS, MOST_LINES, MOST_ROUTINE, MOST_ROWS, Packets
from bleio.web.viewers import MOST_WAITING, Viewer
from support.page_news import news

PLACES = {"sensor": 0, "phone": 1}


def decoded(time_us: int = 0, text: str = "x", protocol: str = "ATT", **more: Any) -> Decoded:
    told: dict[str, Any] = {"sender": "sensor", "receiver": "phone", **more}
    sender, receiver = told.pop("sender"), told.pop("receiver")
    return Decoded(time_us, sender, receiver, protocol, text, b"", **told)


class Pages:
    """Takes news, or not."""

    def __init__(self) -> None:
        self.news: list[dict[str, Any]] = []
        self.takes = True

    def tell(self, news: dict[str, Any]) -> bool:
        if self.takes:
            self.news.append(news)
        return self.takes


# Packets


def test_what_is_said_over_and_over_is_one_row() -> None:
    packets = Packets()
    for time_us in range(50):
        packets.add(decoded(time_us, "same", "ADV", routine=True), PLACES)
    packets.add(decoded(60, "same", "ADV", routine=True, lost=True), PLACES)
    packets.add(decoded(70, "said"), PLACES)
    packets.add(decoded(70, "said"), PLACES)
    rows, flights, left_out = packets.take()
    assert [(row[0], row[5], row[6], row[9]) for row in rows] == [
        (0, "same", "", 50),
        (60, "same", "l", 1),
        (70, "said", "", 1),
        (70, "said", "", 1),
    ]
    assert flights == [[0, 1, "ADV", False, 50], [0, 1, "ADV", True, 1], [0, 1, "ATT", False, 2]]
    assert left_out == 0
    assert packets.take() == ([], [], 0)


def test_rows_beyond_what_can_be_followed_are_counted_and_routine_first() -> None:
    packets = Packets()
    for number in range(MOST_ROWS):
        packets.add(decoded(number, f"adv {number}", "ADV", routine=True), PLACES)
    for number in range(MOST_ROWS):
        packets.add(decoded(number, f"said {number}"), PLACES)
    rows, _, left_out = packets.take()
    assert len(rows) == MOST_ROWS
    assert sum(row[4] == "ATT" for row in rows) == MOST_ROWS - MOST_ROUTINE
    assert left_out == 2 * MOST_ROWS - len(rows)


def test_lines_of_programs_are_bounded_and_take_no_room_of_packets() -> None:
    packets = Packets()
    for number in range(10_000):
        packets.add_row(output_row(number, 0, "spam"))
    packets.add(decoded(10_001, "said"), PLACES)
    rows, _, left_out = packets.take()
    assert len(rows) == MOST_LINES + 1
    assert rows[-1][5] == "said"
    assert left_out == 10_000 - MOST_LINES
    packets.add_row(output_row(1, 0, "again"))
    assert len(packets.take()[0]) == 1


def test_no_text_of_programs_reorders_or_breaks_a_line() -> None:
    hostile = "a\u202eb\tc\x1b[2J\ud800\u2066"
    said = "a\\u202eb\tc\\x1b[2J\\ud800\\u2066"
    assert output_row(1, 0, hostile)[5] == said
    assert event_row(1, 0, hostile)[5] == said
    assert packet_row({}, decoded(sender="\u202ex"))[2] == "\\u202ex"
    long = output_row(1, 0, "x" * (MOST_TEXT + 7))[5]
    assert len(long) < MOST_TEXT + 50
    assert long.endswith(" ... (7 characters more)")


def test_flights_are_bounded() -> None:
    packets = Packets()
    for number in range(2 * MOST_FLIGHTS):
        packets.fly(number, None, "ADV", lost=False)
    assert len(packets.take()[1]) == MOST_FLIGHTS


def test_packets_for_everybody_and_from_strangers() -> None:
    packets = Packets()
    packets.add(decoded(receiver=""), PLACES)
    packets.add(decoded(receiver="c0:00:00:00:00:01"), PLACES)
    packets.add(decoded(sender="stranger"), PLACES)
    rows, flights, _ = packets.take()
    assert [row[2:4] for row in rows] == [[0, ""], [0, "c0:00:00:00:00:01"], ["stranger", 1]]
    assert flights == [[0, None, "ATT", False, 2]]
    assert packets_module.MOST_ROWS < ROWS_KEPT


# Feed


def test_state_is_told_when_it_has_changed() -> None:
    pages = Pages()
    feed = Feed(pages.tell)
    for now_us in (0, 1000, 2000):
        states = ["running", "advertising"] if now_us else ["running"]
        feed.set_device(0, now_us, states, name="sensor", x=now_us // 2000)
        feed.set_level(0, 1, -60, None)
        feed.set_state(paused=False)
        feed.tick(now_us, 5)
    first, second, third = pages.news
    assert first["devices"] == [{"id": 0, "states": {"running": 0}, "name": "sensor", "x": 0}]
    assert second["devices"][0]["states"] == {"running": 0, "advertising": 1000}
    assert third["devices"][0]["states"] == {"running": 0, "advertising": 1000}
    assert [news["levels"] for news in pages.news] == [[[0, 1, -60, None]], [], []]
    assert [news["state"] for news in pages.news] == [{"paused": False}, {}, {}]


def test_what_could_not_be_told_is_told_later_and_rows_are_counted() -> None:
    pages = Pages()
    feed = Feed(pages.tell)
    pages.takes = False
    feed.set_device(0, 0, ["running"], name="sensor")
    feed.packets.add(decoded(), PLACES)
    feed.note(0, "jammed")
    feed.tick(0, 1)
    pages.takes = True
    feed.tick(1, 1)
    (news,) = pages.news
    assert len(news["devices"]) == len(news["log"]) == 1
    assert news["rows"] == []
    assert news["left_out"] == 2


def test_the_log_can_be_taken_back_once() -> None:
    pages, undone = Pages(), []
    feed = Feed(pages.tell)
    entry = feed.note(5, "jammed", lambda: undone.append(1))
    over = feed.note(6, "broken")
    for number in (entry.number, entry.number, over.number, 99):
        try:
            feed.take_back(number, 7)
        except ValueError as error:
            undone.append(str(error))
    assert undone == [1] + 3 * ["This cannot be taken back any more"]
    feed.tick(8, 0)
    told = {each["id"]: each for each in pages.news[0]["log"]}
    assert told[entry.number] == {
        "id": 1, "time_us": 5, "text": "jammed", "undo": False, "undone": True,
    }  # fmt: skip
    assert [row[5] for row in pages.news[0]["rows"]] == ["jammed", "broken", "undone: jammed"]


# Browsers


def test_a_browser_that_comes_later_gets_all_that_there_is() -> None:
    mirror = Mirror({"title": "x"})
    mirror.take(news(1, devices=[{"id": 0, "x": 1}], state={"paused": True}, left_out=2))
    mirror.take(news(2, devices=[{"id": 0, "x": 5}], levels=[[0, 1, -60, None]], left_out=3))
    for number in range(ROWS_KEPT + 10):
        mirror.take(news(number, rows=[[number]], log=[{"id": number}]))
    told = mirror.all(7)
    assert told["devices"] == [{"id": 0, "x": 5}]
    assert told["state"] == {"paused": True}
    assert told["left_out"] == 5
    assert told["missed"] == 7
    assert len(told["rows"]) == ROWS_KEPT
    assert told["rows"][-1] == [ROWS_KEPT + 9]
    assert len(told["log"]) == LOG_KEPT


def test_a_slow_browser_misses_packets_which_are_counted() -> None:
    viewer = Viewer()
    viewer.add("before it was sent anything", 3)
    assert viewer.needs_all
    assert viewer.has_all() == 3
    for number in range(MOST_WAITING):
        viewer.add(str(number), 1)
    assert viewer.next() == "0"
    viewer.add("fits", 1)
    assert not viewer.needs_all
    viewer.add("too much", 10)
    viewer.add("more", 10)
    assert viewer.needs_all
    assert viewer.next() is None
    assert viewer.has_all() == MOST_WAITING + 20
    assert viewer.has_all() == 0
    viewer.add("again", 1)
    assert viewer.next() == "again"


# The plane


def test_places_are_apart_and_neighbours_have_the_usual_loss() -> None:
    propagation = Propagation(exponent=3)
    spacing_m = plane.spacing_m(propagation)
    places = [plane.place(number, spacing_m) for number in range(100)]
    assert places[0] == (0, 0, 0)
    nearest = [
        min(propagation.distance_loss_db(one, two) for two in places if two is not one)
        for one in places
    ]
    assert min(nearest) > 59.9
    assert max(nearest) < 60.1
    assert max(abs(x) for x, _, _ in places) < 10 * spacing_m


def test_free_places_are_taken_again() -> None:
    assert plane.first_free(set()) == 0
    assert plane.first_free({0, 1, 3}) == 2
    assert plane.place(plane.MOST_PLACES + 3, 1.0) == plane.place(3, 1.0)


def test_spacing_stays_within_reason() -> None:
    assert plane.spacing_m(Propagation(path_loss_db=None)) == 10
    assert plane.spacing_m(Propagation(path_loss_db=0)) == 1
    assert plane.spacing_m(Propagation(path_loss_db=200)) == 200
