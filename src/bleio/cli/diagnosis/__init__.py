"""What `bleio doctor` looks at, each part within a time limit.

    findings     what a part has found, in words, and what to do about it
    bounded      time limits for what may hang
    hidden       no keys, addresses or names of users on the page
    modules      which `_bleio` a program gets, and why; versions
    settings     the variables of the environment
    computer     containers, WSL, Raspberry Pis, and what is to be known of them
    adapters     the operating system's Bluetooth, dongles, boards, radios, proxies
    exercise     the self-test: two devices, in this process
    trial        an adapter that the user has named, tried as far as it goes alone
    page         all of it, as text or as JSON

Looking changes nothing: no bluetoothd is started, no dongle taken from the kernel, no folder made.
Only what --adapter names is opened.
"""
