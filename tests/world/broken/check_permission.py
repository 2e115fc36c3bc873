def test_the_battery_is_read(ble_world):
    ble_world.add("battery_sensor.py", name="sensor")
    reader = ble_world.add("battery_reader.py", name="reader")
    ble_world.run(until=lambda: "Battery: 87" in reader.text, within_s=20)
