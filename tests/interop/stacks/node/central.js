// node central.js PORT CAPABILITY [mitm]: uses our peripheral's values, paired, twice.
'use strict';
const { AttErrors, BleManager, IOCapabilities } = require('ble-host');
const { follow, say } = require('./pairing');
const Transport = require('./transport');

const [port, capability, mitm] = process.argv.slice(2);
const SERVICE = '73746163-6B73-0000-0000-000000000001';
const features = { ioCap: IOCapabilities[capability], bondingFlags: 1, mitm: mitm === 'mitm' };

// Give a promise of what a function calls back with, without the error if there is none.
function promised(start) {
  return new Promise((resolve) => start((...results) => resolve(results)));
}

async function use(connection, visit) {
  say(visit, 'visit');
  const { gatt, smp } = connection;
  await promised((done) => gatt.exchangeMtu(done));
  say('MTU', gatt.currentMtu);
  const [services] = await promised((done) => gatt.discoverServicesByUuid(SERVICE, 1, done));
  const [found] = await promised((done) => services[0].discoverCharacteristics(done));
  const [secret, written, echo, confirmed] = found;
  let [error] = await promised((done) => secret.read(done));
  say('read without encryption:', AttErrors.toString(error));
  if (visit === 'first') {
    await promised((paired) => {
      follow(smp, true, paired);
      smp.sendPairingRequest(features);
    });
  } else {
    const [status] = await promised((done) => {
      smp.on('encrypt', done);
      smp.startEncryption();
    });
    say('encrypted with stored keys, status', status);
  }
  let value;
  [error, value] = await promised((done) => secret.read(done));
  say('read', error || value);
  for (const [characteristic, notify, words] of [[echo, true, 'some words'], [confirmed, false, 'more']]) {
    await promised((done) => characteristic.discoverDescriptors(done));
    const heard = promised((done) => characteristic.once('change', done));
    [error] = await promised((done) => characteristic.writeCCCD(notify, !notify, done));
    if (error) throw new Error(AttErrors.toString(error));
    await promised((done) => written.write(Buffer.from(`${visit}: ${words}`), done));
    say(notify ? 'notified of' : 'indicated', (await heard)[0]);
    await promised((done) => characteristic.writeCCCD(false, false, done));
  }
  await promised((done) => {
    connection.on('disconnect', done);
    connection.disconnect();
  });
  say('disconnected');
}

function find(manager) {
  const scan = manager.startScan({});
  return new Promise((resolve) => {
    scan.on('report', (report) => {
      if ((report.parsedDataItems.serviceUuids || []).includes(SERVICE)) {
        scan.stopScan();
        resolve(report);
      }
    });
  });
}

BleManager.create(new Transport(Number(port)), {}, async (error, manager) => {
  if (error) throw error;
  const { addressType, address } = await find(manager);
  say('found', address);
  for (const visit of ['first', 'second']) {
    const [connection] = await promised((done) => manager.connect(addressType, address, {}, done));
    await use(connection, visit);
  }
  process.exit(0);
});
