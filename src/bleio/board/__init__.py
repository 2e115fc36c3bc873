"""A pretend board: the modules of CircuitPython beside `_bleio`, and the world's side of them.

A maker's program that uses Bluetooth also has a button, a strip of pixels, a sensor. On a computer
there are none, and `import board` fails before the first advertisement. Here a program gets modules
of the same names, and a test gets the other end of their pins: it presses, turns and measures.

    board          the board as a test sees it: pins by name, pixels, USB, buses
    pins           one pin, from both sides
    digital        `digitalio`
    analog         `analogio`, `pwmio`, `touchio`
    keys           `keypad`
    buses, serial  `busio`; `sensors`: what a test hangs on a bus
    sound          `audiopwmio`, `audiocore`, `audiobusio`: what was played, and what is heard
    processor      `microcontroller` and `supervisor`
    usb            `usb_hid`; `rainbow`: `rainbowio`
    memory         `microcontroller.nvm`
    modules        all of these as what `import` finds

Why not what there is: circuitpython-mocks holds a program to a list of expected operations in
their order, which is a test of a driver and not a board that is in some state. Blinka drives the
pins of the computer that it runs on, and its `board` is an error where there are none. Adafruit's
own drivers in pure Python, such as `neopixel`, run on top of these modules as they do on a board.

Nothing here knows worlds: time is passed in, and `bleio run --board` has the same board in real
time.
"""
