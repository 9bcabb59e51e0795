const { once } = require('node:events');
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const [scenario, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));
const names = (object) => Reflect.ownKeys(object).map(String).sort();

const toBuffer = (value) => Buffer.from(JSON.stringify(value));
const toValue = (buffer) => JSON.parse(String(buffer));
const METHOD = {
  requestSerialize: toBuffer,
  requestDeserialize: toValue,
  responseSerialize: toBuffer,
  responseDeserialize: toValue,
};
const SERVICE = {
  get: { ...METHOD, path: '/a.B/Get', requestStream: false, responseStream: false },
  chat: { ...METHOD, path: '/a.B/Chat', requestStream: true, responseStream: true },
};

async function startGrpc(handlers) {
  const grpc = load('@grpc/grpc-js');
  const server = new grpc.Server();
  server.addService(SERVICE, handlers);
  const insecure = grpc.ServerCredentials.createInsecure();
  const port = await new Promise((done) => {
    server.bindAsync('127.0.0.1:0', insecure, (_error, bound) => done(bound));
  });
  if (grpc.ServerInterceptingCall === undefined) server.start();
  const Client = grpc.makeGenericClientConstructor(SERVICE, 'B');
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return { grpc, server, client };
}

async function startWebSocket(onConnection) {
  const WebSocket = load('ws');
  const server = new WebSocket.Server({ host: '127.0.0.1', port: 0 });
  server.on('connection', onConnection);
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  client.on('error', () => {});
  await once(client, 'open');
  return { server, client, WebSocket };
}

async function startSocketIo(onConnection) {
  const { Server } = load('socket.io');
  const { io } = load('socket.io-client');
  const server = new Server();
  server.listen(0);
  server.on('connection', onConnection);
  const { port } = server.httpServer.address();
  const client = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] });
  await new Promise((done) => client.on('connect', done));
  return { server, client };
}

const scenarios = {
  /** What an application can see of its calls. */
  async 'grpc-state'() {
    const { grpc, server, client } = await startGrpc({
      get(call, callback) {
        console.log(names(call), callback.length, call.getPath());
        callback(null, { ok: true });
      },
      chat(call) {
        call.on('data', (message) => call.write(message));
        call.on('end', () => call.end());
        console.log(call.eventNames().map(String).sort());
      },
    });
    const { prototype } = grpc.Server;
    console.log(prototype.register.name, prototype.register.length, names(prototype));
    await new Promise((done) => {
      const call = client.get({}, (error, value) => done(console.log(error, value)));
      console.log(names(call));
    });
    const chat = client.chat();
    chat.on('data', (message) => console.log(message));
    chat.write({ n: 1 });
    chat.end();
    await once(chat, 'end');
    client.close();
    server.tryShutdown(() => console.log('shut down'));
  },
  /** A rejected handler that isn't awaited ends the process. */
  async 'grpc-rejection'() {
    const { client } = await startGrpc({
      async get() {
        await null;
        throw new TypeError('the handler rejected');
      },
      chat() {},
    });
    client.get({}, () => {});
  },
  /** Only older versions don't catch the error of this handler. */
  async 'grpc-throw'() {
    const { client, server } = await startGrpc({
      get() {},
      chat() {
        throw new TypeError('the handler threw');
      },
    });
    const chat = client.chat();
    chat.on('data', () => {});
    chat.on('error', ({ code }) => {
      console.log(code);
      client.close();
      server.forceShutdown();
    });
  },
  async 'ws-state'() {
    const { server, client, WebSocket } = await startWebSocket((socket, request) => {
      const listener = (data) => socket.send(String(data).toUpperCase());
      socket.on('message', listener);
      socket.once('message', () => console.log('once'));
      console.log(socket.listeners('message').includes(listener), names(request.socket));
      console.log(socket.eventNames().map(String).sort(), names(socket));
      socket.off('message', listener);
      console.log(socket.listenerCount('message'));
      socket.onmessage = ({ data }) => socket.send(data);
      console.log(typeof socket.onmessage);
    });
    const { prototype } = WebSocket;
    for (const name of ['on', 'emit', 'send'])
      console.log(prototype[name].name, prototype[name].length);
    client.send('a');
    console.log(String((await once(client, 'message'))[0]));
    client.close();
    await once(client, 'close');
    server.close(() => console.log('closed'));
  },
  async 'ws-throw'() {
    const { client } = await startWebSocket((socket) => {
      socket.on('message', () => {
        throw new RangeError('the listener threw');
      });
    });
    client.send('a');
  },
  async 'ws-rejection'() {
    const { client } = await startWebSocket((socket) => {
      socket.on('message', async () => {
        throw new RangeError('the listener rejected');
      });
    });
    client.send('a');
  },
  /** A connection without a listener for errors ends the process. */
  async 'ws-error'() {
    const { client } = await startWebSocket(() => {});
    client._socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  },
  async 'socket-io-state'() {
    const { server, client } = await startSocketIo((socket) => {
      const listener = (value, acknowledge) => acknowledge(value, acknowledge.length);
      socket.on('echo', listener);
      console.log(socket.listeners('echo').includes(listener), names(socket));
      console.log(socket.eventNames().map(String).sort());
      socket.onAny((...args) => console.log(args.length));
    });
    client.emit('echo', 1, (...answer) => {
      console.log(answer);
      client.disconnect();
      server.close();
    });
  },
  async 'socket-io-throw'() {
    const { client } = await startSocketIo((socket) => {
      socket.on('boom', () => {
        throw new RangeError('the listener threw');
      });
    });
    client.emit('boom');
  },
  async 'socket-io-rejection'() {
    const { client } = await startSocketIo((socket) => {
      socket.on('boom', async () => {
        throw new RangeError('the listener rejected');
      });
    });
    client.emit('boom');
  },
};
void scenarios[scenario]();
