"""What several folders of tests share. A map, by what a test wants to have.

Programs and adapters of ours, on the air:
    pair             two adapters in one process, and a link between them
    two_adapters     fixtures: one that serves, and one that connects
    pairing          people with two devices that pair; either generation of pairing
    pairing_pair     two programs of a world that pair
    patience         how long a test waits for what it is sure to see
    processes        programs in processes of their own, on one shared radio
    whole_lines/sitecustomize   has lines of programs come whole
    radio_processes  radios in processes of their own
    commands         bleio's commands, run to their end
    studies          campaigns, as a user runs them
    evening          commands typed in terminals beside the examples, as by a new user
    twins            devices and their twins in worlds

Parts of ours, without a radio:
    api_bench        API objects on a link that the test plays
    awaiting         two adapters and loops of asyncio
    bearers          ATT bearers: a clock that tests move, a wire that tests pump
    fake_backend     a backend whose controller is the test itself
    file_work        which threads of a process work with files
    page_news        what a page is told, with nothing in it
    played_bleio     a `_bleio` that writes down what a program makes
    records          records of remote values that were not discovered
    records_of_devices  records of devices that nobody has built, for clones

Parts of ours, on a simulated radio:
    raw_host         a host without a stack: HCI octets in and out of a virtual controller
    hci/simulated    tests of coroutines in simulated time
    hci/engine       an engine that writes down what a backend tells it
    hci/world        devices on radios of every kind: what the conformance suite runs on
    hci/held         controllers whose answers a test holds back
    hci/lines        ways to a controller with events and data apart, or with stray octets
    hci/privacy      devices with private addresses, on controllers that can do more or less
    hci/script       a controller that a test writes by hand, as bad as wanted
    little/air       the air of a small backend that is unlike HCI on purpose
    little/backend   that backend
    little/link      its links
    little/world     its devices, as the conformance suite wants them

ESPHome's Bluetooth proxies, on a simulated radio:
    esphome/server   one proxy, as a server of ESPHome's native API
    esphome/session  one client's connection to it
    esphome/link     one Bluetooth link of such a client
    esphome/framing  the packets of that API, in the clear and encrypted
    esphome/building  proxies and devices at places, and a fleet of the proxies
    esphome/hostile  proxies that a test writes by hand, as bad as wanted
    esphome/__main__  a proxy as a process: `python -m support.esphome`

D-Bus without a Bluetooth:
    bluez/bench      a peripheral on it, and centrals that come and go
    bluez/loops      coroutines as tests, in real time
    bluez/private_bus  a message bus that one test has to itself
    bluez/stand_in   something on it that plays bluetoothd
    bluez/remote     the same with peers that can be connected to, asked and paired with

Attacks:
    attacker         a malicious peer on the simulated radio
    victim           a device of ours with an attacker on its only link
    hci/bumble_victim  bumble's host in that place

Other people's hosts and controllers:
    listening        a radio behind a socket, for our adapters `hci:...`
    bumble_host      bumble's host beside adapters of ours, as programs are written
    bumble_radio     bumble's hosts on virtual controllers, in the running loop
    hci/bumble_radio   bumble's controllers on bumble's link
    stacks/bench     a radio with our programs and other people's hosts on it
    stacks/bluez     Linux with bluetoothd, in which bluetoothctl does what a user does
    stacks/bluez_image  the system that it runs
    stacks/emulator  the machine that runs it, saved when it has booted
    stacks/inside  programs of ours in that machine
    stacks/python_tree  Debian's Python and what bleio depends on, for them
    stacks/machine   the machine with controllers, its bus and a shell, for programs of this system
    stacks/gate      holds back what one of its controllers says until a test lets it go on
    stacks/kept      one machine and one radio for all tests of a process
    stacks/world     devices of the conformance suite of which one is on that machine
    stacks/traces    what BlueZ said there on D-Bus, written and read
    stacks/lab       the same for people: `python -m support.stacks.lab`
    stacks/cpio      that system's archive format
    stacks/debian    Debian's packages
    stacks/node      Node's ble-host
    stacks/bleak_examples  bleak's own examples
    stacks/__main__  fetches them: `python -m support.stacks`

Programs of bleak:
    bleak/settings   the radios that they are tested on, and the peripheral there
    bleak/table      what that serves and obeys
    bleak/ours       it, written with `_bleio`
    bleak/theirs     it, made with bumble

Judges of what was sent:
    air_recorder     captures all that tests put on air, for tshark at the end
    att_checker      an independent reading of the ATT PDUs of the specification
    browser          pages in headless Chromium
    live_browser     pages that change there, clicked and dragged
    btsnoop          reads HCI captures
    hci_recorder     captures what hosts and controllers say in tests, for tshark at the end
    on_air           all packets of a radio, and what holds for each
    recorded         whose frame it is in such a capture, and what each test may have wrong
    schemas          what --json prints, held against the schemas that are shipped
    terminal         a program on a terminal of its own: what it shows, what is typed
    tshark           runs it; tests skip where it is missing

The source, and what is installed:
    source           imports, circles, sizes of classes, lines that explain
    dependencies     the rules on these
    environment      virtual environments, to install distributions in
    sdists           the examples of installed libraries
"""
