const { once } = require('node:events');
const { createRequire } = require('node:module');
const { connect } = require('node:net');
const { join, resolve } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

const load = createRequire(join(resolve(process.argv[4]), 'package.json'));
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
const COUNT = Number(process.env.COUNT);
/** Calls and events that are sent before their answers are awaited. */
const BATCH = 250;

const serialize = (value) => Buffer.from(JSON.stringify(value));
const deserialize = (buffer) => JSON.parse(String(buffer));

async function startSocketIo() {
  const { Server } = load('socket.io');
  const { io } = load('socket.io-client');
  const server = new Server();
  server.listen(0);
  let next = 0;
  server.on('connection', (socket) => {
    socket.use(([event, room], nextMiddleware) => {
      // An application that adds a listener for each name.
      if (event.startsWith('dynamic-')) {
        socket.once(event, () => {});
        socket.join(room);
        socket.leave(room);
      }
      nextMiddleware();
    });
    socket.on('sync', (acknowledge) => acknowledge());
  });
  const { port } = server.httpServer.address();
  const client = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] });
  await new Promise((done) => client.on('connect', done));
  return {
    port,
    async sendBatch() {
      for (let i = 0; i < BATCH; i++) {
        const id = next++;
        client.emit(`unknown-${id}-${'x'.repeat(50)}`, `room-${id}`);
        client.emit(`dynamic-${id}-${'x'.repeat(50)}`, `room-${id}`);
      }
      await new Promise((done) => client.emit('sync', done));
    },
    close() {
      client.disconnect();
      server.close();
    },
  };
}

async function startGrpc() {
  const grpc = load('@grpc/grpc-js');
  const server = new grpc.Server();
  const port = await new Promise((done) => {
    const insecure = grpc.ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', insecure, (_error, bound) => done(bound));
  });
  if (grpc.ServerInterceptingCall === undefined) server.start();
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  let next = 0;
  const call = (path) =>
    new Promise((done) => {
      client.makeUnaryRequest(path, serialize, deserialize, {}, (error) => done(error.code));
    });
  return {
    async sendBatch() {
      const paths = Array.from(
        { length: BATCH },
        () => `/a.Scanner${next++}/Path${'x'.repeat(50)}`,
      );
      await Promise.all(paths.map(call));
    },
    close() {
      client.close();
      server.forceShutdown();
    },
  };
}

/** Sends handshakes with different paths. The server rejects all of them. */
async function scan(port) {
  for (let i = 0; i < 20; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    const headers = 'Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
    socket.write(`GET /socket.io/${i}?EIO=4&transport=websocket HTTP/1.1\r\n${headers}\r\n`);
    await once(socket, 'close');
  }
}

module.exports = async function run() {
  const socketIo = await startSocketIo();
  const rpc = await startGrpc();
  await scan(socketIo.port);
  const sendAll = async (count) => {
    for (let sent = 0; sent < count; sent += BATCH) {
      await socketIo.sendBatch();
      await rpc.sendBatch();
    }
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  // All series exist after 2,000 names.
  const before = await sendAll(2500);
  const after = await sendAll(COUNT);
  socketIo.close();
  rpc.close();
  setTimeout(() => process.exit(), 500).unref();
  return { growthBytes: after - before };
};
