"""Time, the medium, and how signals get from one station to another.

    radio          one simulated world: what all its devices share
    clock          simulated time and what is to happen
    station        one device's antenna, clock and energy
    medium         which packets reach which stations
    propagation    path loss, noise, chance: settings and arithmetic
    interference   jammers and Wi-Fi
    phy            what the physical layer fixes: time on air, gaps, channels
    hopping        which data channel an event uses
    privacy        private addresses, and the resolving list that knows whose they are
    keys           keys of links, for those that read captures

This room knows packets, not what they are for: a `Transmission` has a sender, a channel, a length
and a time. What listeners and links are is stated here as far as the air has to do with them, as
small protocols; they belong to the rooms above.
"""
