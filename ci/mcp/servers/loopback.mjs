// node --import .../loopback.mjs SERVER: a server that would listen on every address
// listens on 127.0.0.1, and says on stderr where: "listening on http://127.0.0.1:PORT".
import net from 'node:net';

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
    this.once('listening', () => {
        process.stderr.write(`listening on http://127.0.0.1:${this.address().port}\n`);
    });
    return listen.call(this, Number(port), '127.0.0.1',
        ...rest.filter((r) => typeof r === 'function'));
};
