// Handles requests with unusual objects and errors. The kind of each request is in its path.
const { createListener } = require('./listeners.cjs');
const { note, run } = require('../noted-program.cjs');
const { close, send, serve } = require('./exchange.cjs');

const [framework, folder] = process.argv.slice(2);

const fail = (text) => () => {
  throw new Error(text);
};
/** Makes a property of an object fail when it is read. */
const breakProperty = (object, name) =>
  Object.defineProperty(object, name, { configurable: true, get: fail(`getter of ${name}`) });
const unreadable = (...names) => {
  const error = new RangeError('unreadable');
  for (const name of names) breakProperty(error, name);
  return error;
};
const hostileProxy = () =>
  new Proxy(
    {},
    Object.fromEntries(
      ['get', 'has', 'getPrototypeOf', 'ownKeys', 'getOwnPropertyDescriptor'].map((name) => [
        name,
        fail(`trap ${name}`),
      ]),
    ),
  );

/** Values that a handler throws. */
const THROWN = {
  frozen: () => Object.freeze(new RangeError('frozen')),
  null: () => null,
  undefined: () => undefined,
  string: () => 'a string',
  symbol: () => Symbol('a symbol'),
  number: () => 0,
  stack: () => unreadable('stack'),
  message: () => unreadable('message'),
  name: () => unreadable('name'),
  constructor: () => unreadable('constructor'),
  cause: () => unreadable('cause', 'errors', 'code'),
  noPrototype: () => Object.create(null),
  proxy: hostileProxy,
  cyclic: () => {
    const error = new Error('cyclic');
    error.cause = error;
    return error;
  },
};
/** The response of Node.js to the current request, if the server has received the request. */
let responses = [];

/** What a handler does with the objects of its framework, before it responds. The first one is the request or the context. */
const CHANGED = {
  plain: () => {},
  freezeFirst: ([first]) => Object.freeze(first),
  sealAll: (objects) => {
    for (const each of objects) Object.seal(each);
  },
  freezeHeaders: (objects) => Object.freeze(objects.at(-1).headers ?? {}),
  brokenOriginalUrl: (objects) => {
    for (const each of objects) breakProperty(each, 'originalUrl');
  },
  brokenMatchedRoute: (objects) => {
    for (const each of objects) breakProperty(each, '_matchedRoute');
  },
  // The connection is cut before the response.
  cut: () => responses[0].socket.destroy(),
  brokenCut: () => breakProperty(responses[0], 'errored').socket.destroy(),
  addFields: (objects) => {
    for (const each of objects) each.route = each.state = each.matched = hostileProxy();
  },
};
/** How a server passes a request to the framework. */
const PASSED = {
  plainRequest: (request) => request,
  frozenHeaders: (request) => {
    Object.freeze(request.headers);
    return request;
  },
  frozenRawHeaders: (request) => {
    Object.freeze(request.rawHeaders);
    return request;
  },
  proxy: (request) => new Proxy(request, {}),
  inherited: (request) => Object.create(request),
  brokenErrored: (request) => breakProperty(request, 'errored'),
  brokenVersion: (request) => breakProperty(request, 'httpVersionMajor'),
};

/** A framework can throw while it handles an error, or after the response. */
process.on('uncaughtException', (error) => note('uncaught', describe(error)));
process.on('unhandledRejection', (error) => note('unhandled', describe(error)));
function describe(error) {
  try {
    return String(error?.message ?? String(error));
  } catch {
    return 'unreadable';
  }
}

run(async () => {
  const listener = await createListener(framework, folder, (kind, objects) => {
    const thrown = THROWN[kind];
    if (thrown) throw thrown();
    CHANGED[kind]?.(objects);
    return `handled ${kind}`;
  });
  const server = await serve((request, response) => {
    responses.push(response);
    const kind = request.url.slice('/api/'.length);
    listener(PASSED[kind]?.(request) ?? request, response);
  });
  for (const kind of [...Object.keys(THROWN), ...Object.keys(CHANGED), ...Object.keys(PASSED)]) {
    responses = [];
    const sent = send(server, `/api/${kind}`);
    await cutUnanswered(kind);
    await sent;
  }
  await close(server);
});

/** A framework that fails to handle an error never responds. No handler waits for a timer or for other I/O. */
async function cutUnanswered(kind) {
  while (responses.length === 0) await new Promise(setImmediate);
  const [response] = responses;
  for (let i = 0; i < 100; i++) await new Promise(setImmediate);
  if (response.writableEnded || response.destroyed) return;
  note(kind, 'no response');
  response.socket?.destroy();
}
