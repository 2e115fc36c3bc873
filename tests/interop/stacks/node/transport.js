// What ble-host takes as a controller: whole HCI packets, here to and from a TCP port.
'use strict';
const { EventEmitter } = require('events');
const net = require('net');

// Octets of a packet's header with its H4 type, and the length it names.
const HEADERS = {
  2: [5, (octets) => octets.readUInt16LE(3)],
  4: [3, (octets) => octets[2]],
};

class Transport extends EventEmitter {
  constructor(port) {
    super();
    this.unread = Buffer.alloc(0);
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (octets) => this.receive(octets));
    this.socket.on('close', () => this.emit('close'));
  }

  write(packet) {
    this.socket.write(packet);
  }

  receive(octets) {
    this.unread = Buffer.concat([this.unread, octets]);
    for (;;) {
      if (this.unread.length === 0) return;
      const [header, length] = HEADERS[this.unread[0]];
      if (this.unread.length < header) return;
      const end = header + length(this.unread);
      if (this.unread.length < end) return;
      const packet = Buffer.from(this.unread.subarray(0, end));
      this.unread = this.unread.subarray(end);
      this.emit('data', packet);
    }
  }
}

module.exports = Transport;
