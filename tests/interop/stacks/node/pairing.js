// Someone who pairs: says what is shown and asked, and does what standard input says.
'use strict';
const readline = require('readline');
const { AssociationModels, SmpErrors } = require('ble-host');

const lines = readline.createInterface({ input: process.stdin });

function say(...words) {
  console.log(words.join(' '));
}

// Follow the pairings of a connection; the functions are called when one ends well.
function follow(smp, isCentral, paired) {
  smp.on('passkeyExchange', (model, passkey, answer) => {
    const types = {
      [AssociationModels.PASSKEY_ENTRY_INIT_INPUTS]: isCentral,
      [AssociationModels.PASSKEY_ENTRY_RSP_INPUTS]: !isCentral,
      [AssociationModels.PASSKEY_ENTRY_BOTH_INPUTS]: true,
    }[model];
    if (model === AssociationModels.NUMERIC_COMPARISON) {
      say('asks about', passkey);
      lines.once('line', (line) => line === 'yes' && answer());
    } else if (types) {
      say('asks for the passkey');
      lines.once('line', answer);
    } else {
      say('shows', passkey);
    }
  });
  smp.on('pairingComplete', ({ sc, mitm, bond }) => {
    const words = [sc ? 'LE Secure Connections' : 'LE legacy'];
    words.push(mitm ? 'authenticated' : 'not authenticated', bond ? 'bonded' : 'not bonded');
    say('paired:', words.join(', '));
    paired();
  });
  smp.on('pairingFail', (reason, byPeer) => {
    say('pairing failed:', SmpErrors.toString(reason), byPeer ? 'says the peer' : 'say we');
  });
}

module.exports = { follow, say };
