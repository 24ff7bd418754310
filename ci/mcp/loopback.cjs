// Loaded before the conformance suite: its mock servers listen on every interface, and
// nothing of a test shall be reachable from outside. A server that names no address gets
// 127.0.0.1; one that listens elsewhere all the same ends the process.
'use strict';
const net = require('node:net');

const LOOPBACK = '127.0.0.1';
const setUp = net.Server.prototype._listen2;
if (typeof setUp !== 'function') {
  throw new Error('loopback.cjs: this Node.js has no net.Server._listen2 to wrap');
}

net.Server.prototype._listen2 = function (address, port, type, ...rest) {
  const anywhere = !address && port !== -1; // -1: a path
  this.once('listening', () => {
    const at = this.address();
    if (at && typeof at === 'object' && at.address !== LOOPBACK && at.address !== '::1') {
      console.error(`loopback.cjs: a server listens on ${at.address}:${at.port}`);
      process.exit(3);
    }
  });
  return anywhere
    ? setUp.call(this, LOOPBACK, port, 4, ...rest)
    : setUp.call(this, address, port, type, ...rest);
};
