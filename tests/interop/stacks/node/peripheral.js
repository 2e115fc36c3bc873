// node peripheral.js PORT CAPABILITY [mitm]: the same service as our own peripheral, from ble-host.
'use strict';
const { AdvertisingDataBuilder, AttErrors, BleManager, HciErrors, IOCapabilities } = require('ble-host');
const { follow, say } = require('./pairing');
const Transport = require('./transport');

const [port, capability, mitm] = process.argv.slice(2);
const SERVICE = '73746163-6b73-0000-0000-000000000001';
const uuid = (number) => SERVICE.slice(0, -1) + number;
const features = { ioCap: IOCapabilities[capability], bondingFlags: 1, mitm: mitm === 'mitm' };

BleManager.create(new Transport(Number(port)), {}, (error, manager) => {
  if (error) throw error;
  const echo = { uuid: uuid(4), properties: ['notify'] };
  const secret = {
    uuid: uuid(2),
    properties: ['read'],
    readPerm: features.mitm ? 'encrypted-mitm' : 'encrypted',
    value: "Node's secret",
  };
  const written = {
    uuid: uuid(3),
    properties: ['write'],
    onWrite(connection, isRequest, value, answer) {
      say('written', value);
      answer(AttErrors.SUCCESS);
      echo.notify(connection, `echo of ${value}`);
    },
  };
  manager.gattDb.setDeviceName('node');
  manager.gattDb.addServices([{ uuid: SERVICE, characteristics: [secret, written, echo] }]);
  const data = new AdvertisingDataBuilder().addFlags(['leGeneralDiscoverableMode', 'brEdrNotSupported']);
  manager.setAdvertisingData(data.add128BitServiceUUIDs(true, [SERVICE]).build());

  (function advertise() {
    manager.startAdvertising({ intervalMin: 64, intervalMax: 64 }, (status, connection) => {
      if (status) throw new Error(HciErrors.toString(status));
      say('connected');
      follow(connection.smp, false, () => {});
      connection.smp.on('pairingRequest', (request, answer) => answer(features));
      connection.on('disconnect', () => {
        say('disconnected');
        advertise();
      });
    });
    say('advertising');
  })();
});
