def test_a_minute_is_logged(ble_world):
    ble_world.add("thermometer.py", stop_s=8)
    ble_world.add("thermometer.py", name="replacement", start_s=12)
    logger = ble_world.add("logger.py")
    ble_world.run(until=lambda: logger.text.count("Temperature") == 60, within_s=120)
