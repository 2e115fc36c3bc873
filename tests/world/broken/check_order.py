def test_the_lock_opens(ble_world):
    ble_world.add("lock.py")
    key = ble_world.add("key.py")
    ble_world.run(until=lambda: "OPENED" in key.text, within_s=30)
