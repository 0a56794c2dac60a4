#!/usr/bin/env node
// SPDX-License-Identifier: MIT-0
// Prints who is in view, and each change of expression; lasts through restarts of emotiond.
//
// npm install dbus-next. Its user must be a member of the group "emotion".
'use strict';
const dbus = require('dbus-next');

const NAME = 'org.emotiond.Emotion1', PATH = '/org/emotiond/Emotion1';
const MANAGER = NAME + '.Manager', BUS = 'org.freedesktop.DBus';
const OPTIONS = { 'min-confidence': new dbus.Variant('d', 0.6), 'min-hold-ms': new dbus.Variant('u', 500) };

const bus = dbus.systemBus();
let owner = ''; // unique name of the service: anybody may send us a signal, only that one counts

function call(destination, path, iface, member, signature = '', body = []) {
  return bus.call(new dbus.Message({ destination, path, interface: iface, member, signature, body }));
}

async function claim() {
  try {
    await call(NAME, PATH, MANAGER, 'Claim', 'a{sv}', [OPTIONS]);
    const [faces] = (await call(NAME, PATH, MANAGER, 'GetFaces')).body;
    console.log(faces.length, 'in view');
    for (const face of faces)
      console.log(face.face.value, 'shows', face.emotion.value);
  } catch (error) {
    console.log(error.text || error.message);
  }
}

// The service came or went: a claim lasts no longer than the service that took it.
async function onOwner(now) {
  if (now === owner)
    return;
  owner = now;
  if (owner)
    await claim();
  else
    console.log('waiting for emotiond');
}

bus.on('message', (message) => {
  if (message.type !== dbus.MessageType.SIGNAL)
    return;
  if (message.sender === BUS && message.member === 'NameOwnerChanged' && message.body[0] === NAME)
    onOwner(message.body[2]);
  if (message.sender !== owner)
    return;
  if (message.interface === MANAGER && message.member === 'EmotionChanged') {
    const [face, before, after, confidence] = message.body;
    console.log(face, before, '->', after, confidence.toFixed(2));
  }
  // it was switched off, and may have refused the claim
  if (message.member === 'PropertiesChanged' && message.body[1].Enabled && message.body[1].Enabled.value)
    claim();
});

async function main() {
  const match = (rule) => call(BUS, '/org/freedesktop/DBus', BUS, 'AddMatch', 's', [rule]);
  await match(`type='signal',sender='${BUS}',member='NameOwnerChanged',arg0='${NAME}'`);
  await match(`type='signal',sender='${NAME}',path='${PATH}'`);
  const ask = async (...request) => (await call(BUS, '/org/freedesktop/DBus', BUS, ...request)).body[0];
  // starts the service if it is not there; one that was started by hand is found by its name
  await ask('StartServiceByName', 'su', [NAME, 0]).catch(() => {});
  await onOwner(await ask('GetNameOwner', 's', [NAME]).catch((error) => (console.log(error.text), '')));
}
main();
