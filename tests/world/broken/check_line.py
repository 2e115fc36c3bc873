def test_the_temperature_is_shown(ble_world):
    ble_world.add("weather_station.py", name="station")
    display = ble_world.add("weather_display.py", name="display")
    ble_world.run(until=lambda: "21.5 degrees" in display.text, within_s=30)
