def test_each_visitor_is_counted(ble_world):
    counter = ble_world.add("counter.py")
    gates = [ble_world.add("gate.py", name=f"gate{number}") for number in (1, 2)]
    ble_world.run(until=lambda: all(gate.text == "counted\n" for gate in gates), within_s=60)
    ble_world.run_for(0.2)
    assert "2 visitors" in counter.text
