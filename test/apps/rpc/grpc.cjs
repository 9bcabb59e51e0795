const { createServer } = require('node:http');
const { once } = require('node:events');
const { setTimeout: delay } = require('node:timers/promises');

const serialize = (value) => Buffer.from(JSON.stringify(value));
const deserialize = (buffer) => JSON.parse(String(buffer));
const define = (service, name, requestStream, responseStream) => ({
  path: `/${service}/${name}`,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
});
const ROOMS = {
  get: define('hotel.Rooms', 'Get', false, false),
  flaky: define('hotel.Rooms', 'Flaky', false, false),
  upload: define('hotel.Rooms', 'Upload', true, false),
  list: define('hotel.Rooms', 'List', false, true),
  chat: define('hotel.Rooms', 'Chat', true, true),
};
const RETRY_CONFIG = JSON.stringify({
  methodConfig: [
    {
      name: [{ service: 'hotel.Rooms', method: 'Flaky' }],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: '0.01s',
        maxBackoff: '0.01s',
        backoffMultiplier: 1,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
});

module.exports = async function run(library) {
  const grpc = library.Server ? library : library.default;
  const { status } = grpc;
  const http = createServer((_request, response) => setTimeout(() => response.end('ok'), 40));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${http.address().port}/price`;

  let flakyCount = 0;
  const started = { count: 0, listener: () => {} };
  const handlers = {
    get({ request }, callback) {
      started.count += 1;
      started.listener();
      switch (request.id) {
        case 'missing':
          return callback({ code: status.NOT_FOUND, details: 'no room' });
        case 'broken':
          return callback(new Error('the room is broken'));
        case 'invalid':
          throw new TypeError('the handler threw');
        case 'never':
          return undefined;
        case 'slow':
          return void fetch(url).then(() => callback(null, { id: 'slow' }));
        default:
          return callback(null, { id: request.id });
      }
    },
    flaky(_call, callback) {
      flakyCount += 1;
      if (flakyCount % 3 === 0) callback(null, {});
      else callback({ code: status.UNAVAILABLE, details: 'try again' });
    },
    upload(call, callback) {
      let count = 0;
      call.on('data', () => {
        count += 1;
      });
      call.on('end', () => callback(null, { count }));
    },
    list(call) {
      if (call.request.id === 'broken') {
        call.emit('error', new RangeError('the list is broken'));
        return;
      }
      for (let i = 0; i < 3; i++) call.write({ i });
      call.end();
    },
    chat(call) {
      const answers = [];
      call.on('data', (message) => answers.push(fetch(url).then(() => call.write(message))));
      call.on('end', () => void Promise.all(answers).then(() => call.end()));
    },
  };
  const server = new grpc.Server();
  server.addService(ROOMS, handlers);
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  // Newer versions start without this call, which prints a warning.
  if (grpc.ServerInterceptingCall === undefined) server.start();

  const Client = grpc.makeGenericClientConstructor(ROOMS, 'Rooms');
  const insecure = grpc.credentials.createInsecure();
  const address = `127.0.0.1:${port}`;
  const client = new Client(address, insecure, { 'grpc.service_config': RETRY_CONFIG });
  const intercepted = new Client(address, insecure, {
    interceptors: [(options, next) => new grpc.InterceptingCall(next(options))],
  });
  const call = (
    name,
    request,
    { from = client, metadata = new grpc.Metadata(), ...options } = {},
  ) =>
    new Promise((resolve) => {
      from[name](request, metadata, options, (error, value) => {
        resolve(error ? status[error.code] : value);
      });
    });
  const codes = [];
  const startMs = performance.now();
  for (let i = 0; i < 3; i++) await call('get', { id: i });
  codes.push(await call('get', { id: 'missing' }));
  codes.push(await call('get', { id: 'broken' }));
  codes.push(await call('get', { id: 'invalid' }));
  await call('get', { id: 'slow' });
  codes.push(await call('get', { id: 'never' }, { deadline: Date.now() + 500 }));
  await call('flaky', {});
  await call('get', { id: 1 }, { from: intercepted });
  const metadata = new grpc.Metadata();
  metadata.set('x-org', 'org-7');
  await call('get', { id: 1 }, { metadata });

  // The client cancels a call that the server handles.
  codes.push(
    await new Promise((resolve) => {
      const canceled = client.get({ id: 'never' }, (error) => resolve(status[error.code]));
      started.listener = () => canceled.cancel();
    }),
  );
  started.listener = () => {};

  const generic = new grpc.Client(address, insecure);
  for (let i = 0; i < 3; i++) {
    codes.push(
      await new Promise((resolve) => {
        const path = `/hotel.Scanner/Path${i}`;
        generic.makeUnaryRequest(path, serialize, deserialize, {}, (error) =>
          resolve(status[error.code]),
        );
      }),
    );
  }
  await new Promise((resolve) => {
    const upload = client.upload((_error, value) => resolve(value));
    for (let i = 0; i < 3; i++) upload.write({ i });
    upload.end();
  });
  const read = (stream) =>
    new Promise((resolve) => {
      let count = 0;
      stream.on('data', () => {
        count += 1;
      });
      stream.on('error', () => {});
      stream.on('status', ({ code }) => resolve([status[code], count]));
    });
  const lists = [await read(client.list({})), await read(client.list({ id: 'broken' }))];
  const chat = client.chat();
  const chatEnd = read(chat);
  chat.write({});
  chat.write({});
  await delay(20);
  chat.end();
  lists.push(await chatEnd);

  const unreachable = new Client('127.0.0.1:1', insecure);
  codes.push(await call('get', { id: 1 }, { from: unreachable }));
  for (const each of [client, intercepted, generic, unreachable]) each.close();
  await new Promise((resolve) => server.tryShutdown(resolve));
  http.close();
  return { codes, lists, totalMs: performance.now() - startMs, address };
};
