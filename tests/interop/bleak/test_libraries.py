"""Libraries of devices that build on bleak, unmodified, beside devices as they expect them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bleio.testing import World

pytestmark = pytest.mark.interop
DEVICES = Path(__file__).parent / "devices"
STRAP = Path(__file__).parents[3] / "examples" / "heart_rate_peripheral.py"


def printed(world: World, device: Path, program: object) -> list[str]:
    """Run both until the program ends. Returns: the lines that it printed."""
    world.add(device)
    app = world.add(program)  # type: ignore[arg-type]
    world.run(until=lambda: not app.running)
    lines: list[str] = app.text.splitlines()
    return lines


def test_bleakheart(ble_world: World) -> None:
    async def app() -> None:
        import asyncio

        from bleak import BleakClient, BleakScanner
        from bleakheart import BatteryLevel, HeartRate

        device = await BleakScanner.find_device_by_name("Pulse")
        async with BleakClient(device) as client:
            print("battery", await BatteryLevel(client).read())
            frames: asyncio.Queue[tuple[str, int, tuple[int, ...], float]] = asyncio.Queue()
            heart = HeartRate(client, queue=frames, unpack=False)
            await heart.start_notify()
            for _ in range(3):
                kind, _, (beats, _), _ = await frames.get()
                print(kind, beats)
            await heart.stop_notify()

    battery, *beats = printed(ble_world, STRAP, app)
    assert battery == "battery 87"
    assert len(beats) == 3
    assert all(60 <= int(line.removeprefix("HR ")) <= 90 for line in beats)


def test_pycycling(ble_world: World) -> None:
    async def app() -> None:
        import asyncio

        from bleak import BleakClient, BleakScanner
        from pycycling.cycling_power_service import CyclingPowerService
        from pycycling.fitness_machine_service import FitnessMachineService

        device = await BleakScanner.find_device_by_filter(
            lambda each, data: "00001826-0000-1000-8000-00805f9b34fb" in data.service_uuids
        )
        async with BleakClient(device) as client:
            told: asyncio.Queue[object] = asyncio.Queue()
            power = CyclingPowerService(client)
            power.set_cycling_power_measurement_handler(told.put_nowait)
            await power.enable_cycling_power_measurement_notifications()
            print((await told.get()).instantaneous_power, "W")
            machine = FitnessMachineService(client)
            print(await machine.get_supported_power_range())
            machine.set_control_point_response_handler(lambda answer: print(answer))
            await machine.enable_control_point_indicate()
            await machine.request_control()
            await machine.set_target_power(240)
            while (watts := (await told.get()).instantaneous_power) != 240:
                pass
            print(watts, "W")

    first, reach, *answers, last = printed(ble_world, DEVICES / "trainer.py", app)
    assert (first, last) == ("100 W", "240 W")
    assert "maximum_power=800" in reach
    assert len(answers) == 2
    assert all("SUCCESS" in answer.upper() for answer in answers)


def test_idasen(ble_world: World) -> None:
    async def app() -> None:
        from idasen import IdasenDesk

        async with IdasenDesk(await IdasenDesk.discover()) as desk:

            async def show(height: float) -> None:
                heights.append(height)

            heights: list[float] = []
            await desk.monitor(show)
            print(f"{await desk.get_height():.3f}")
            await desk.move_to_target(0.9)
            print(f"{await desk.get_height():.3f}")
            print(len(heights) > 10, heights == sorted(heights))

    assert printed(ble_world, DEVICES / "desk.py", app) == ["0.750", "0.900", "True True"]


def test_aranet4(ble_world: World) -> None:
    async def app() -> None:
        import asyncio

        from aranet4.client import Aranet4, Aranet4Scanner

        found: asyncio.Queue[object] = asyncio.Queue()
        scanner = Aranet4Scanner(found.put_nowait)
        await scanner.start()
        advertisement = await found.get()
        await scanner.stop()
        sensor = Aranet4(advertisement.device.address)
        await sensor.connect()
        readings = await sensor.current_readings(details=True)
        print(readings.co2, readings.temperature, readings.pressure, readings.humidity)
        print(await sensor.get_name(), await sensor.get_version(), await sensor.get_interval())
        await sensor.device.disconnect()

    assert printed(ble_world, DEVICES / "air.py", app) == [
        "612 21.6 1013.2 44",
        "Aranet4 0C1F2 v1.2.0 300",
    ]


def test_ruuvitag_sensor(ble_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def app() -> None:
        from ruuvitag_sensor.ruuvi import RuuviTagSensor

        async for _, reading in RuuviTagSensor.get_data_async():
            print(*(reading[each] for each in ("temperature", "humidity", "pressure")))
            break

    monkeypatch.setenv("RUUVI_BLE_ADAPTER", "bleak")
    assert printed(ble_world, DEVICES / "tag.py", app) == ["24.3 53.49 1000.44"]


def test_bleak_retry_connector(ble_world: World) -> None:
    async def app() -> None:
        from bleak import BleakScanner
        from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

        device = await BleakScanner.find_device_by_name("Pulse")
        client = await establish_connection(BleakClientWithServiceCache, device, device.name)
        print(bytes(await client.read_gatt_char("2a29")))
        await client.disconnect()

    assert printed(ble_world, STRAP, app) == ["b'Example Labs'"]
