const { createServer } = require('node:http');
const { once } = require('node:events');
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const load = createRequire(join(resolve(process.argv[4]), 'package.json'));
process.on('unhandledRejection', () => {});

module.exports = async function run(library) {
  const { io: connect } = load('socket.io-client');
  const Server = library.Server ?? library.default.Server;
  const http = createServer((_request, response) => setTimeout(() => response.end('ok'), 40));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${http.address().port}`;
  const server = new Server(http, { pingInterval: 200 });

  const received = [];
  let disconnectCount = 0;
  const onConnection = (socket) => {
    socket.on('disconnect', () => {
      disconnectCount += 1;
    });
    socket.join(`room-${socket.id}`);
    socket.on('booking:update', async (id, acknowledge) => {
      await fetch(`${url}/price`);
      received.push(id);
      acknowledge({ id });
    });
    socket.on('note', (text) => received.push(text));
    socket.on('later', (acknowledge) => void setTimeout(acknowledge, 30));
    socket.on('reject', async (acknowledge) => {
      acknowledge();
      await null;
      throw new RangeError('the listener rejected');
    });
    socket.on('never', (_value, _acknowledge) => received.push('never'));
    socket.once('once', (acknowledge) => acknowledge());
  };
  server.on('connection', onConnection);
  const guarded = server.of('/chat');
  guarded.on('connection', (socket) => {
    socket.use(([event], next) => next(event === 'blocked' ? new Error('blocked') : undefined));
    socket.on('error', () => received.push('blocked'));
    onConnection(socket);
    socket.on('blocked', () => received.push('wrong'));
  });
  server.of(/^\/tenant-\d+$/).on('connection', onConnection);

  const open = async (path, options) => {
    const client = connect(url + path, { forceNew: true, reconnection: false, ...options });
    await new Promise((done, reject) => {
      client.on('connect', done);
      client.on('connect_error', reject);
    });
    return client;
  };
  const ask = (client, ...args) => new Promise((done) => client.emit(...args, done));

  const socket = await open('/', {
    transports: ['websocket'],
    extraHeaders: { 'x-org': 'org-7' },
  });
  const startMs = performance.now();
  await ask(socket, 'booking:update', 1);
  const updateMs = performance.now() - startMs;
  await ask(socket, 'later');
  await ask(socket, 'reject');
  await ask(socket, 'once');
  socket.emit('note', 'a');
  socket.emit('note', Buffer.alloc(10));
  for (let i = 0; i < 20; i++) socket.emit(`unknown-${i}`, i);
  await ask(socket, 'booking:update', 2);

  const chat = await open('/chat', { transports: ['websocket'] });
  chat.emit('blocked');
  await ask(chat, 'booking:update', 3);

  // Waits in long polling, and then changes to WebSocket.
  const polling = await open('/', { transports: ['polling'] });
  await ask(polling, 'booking:update', 4);
  await new Promise((done) => setTimeout(done, 250));
  const upgraded = await open('/', { transports: ['polling', 'websocket'] });
  const { engine } = upgraded.io;
  if (engine.transport.name === 'polling')
    await new Promise((done) => engine.once('upgrade', done));
  await ask(upgraded, 'booking:update', 5);

  for (const id of [7, 8]) {
    const tenant = await open(`/tenant-${id}`, { transports: ['websocket'] });
    await ask(tenant, 'booking:update', id);
    tenant.disconnect();
  }
  server.emit('news', 'to all');
  await new Promise((done) => socket.once('news', done));
  socket.emit('never', 1, () => {});
  await ask(socket, 'booking:update', 9);

  // An unknown transport is rejected before the handshake.
  const { status } = await fetch(`${url}/socket.io/?EIO=4&transport=carrier-pigeon`);
  for (const each of [socket, chat, polling, upgraded]) each.disconnect();
  while (disconnectCount < 6) await new Promise((done) => setTimeout(done, 5));
  await new Promise((done) => server.close(done));
  // Clients of version 4.0 sometimes keep the process alive.
  setTimeout(() => process.exit(), 500).unref();
  return { received, updateMs, status };
};
