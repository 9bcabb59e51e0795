// Handlers freeze what the framework gives them, add getters that throw, and throw unusual values. Node.js itself can't
// end a response with a frozen socket, or without a method or a status.
const { send, start } = require('./servers.cjs');

const [library, folder] = process.argv.slice(2);

function throwing(target, ...names) {
  for (const name of names) {
    Object.defineProperty(target, name, {
      configurable: true,
      get() {
        throw new Error(`getter of ${name}`);
      },
    });
  }
  return target;
}

function throwValue(value) {
  throw value;
}

const actions = {
  frozenHeaders: (request) => Object.freeze(request.headers),
  frozenRequest: (request) => Object.freeze(request),
  frozenObject: (_request, object) => Object.freeze(object),
  url: (request) => throwing(request, 'url'),
  headers: (request) => throwing(request, 'headers'),
  context: (_request, object) => throwing(object, 'path', 'routeOptions', 'route', '_matchedRoute'),
  null: () => throwValue(null),
  undefined: () => throwValue(undefined),
  text: () => throwValue('text'),
  symbol: () => throwValue(Symbol('s')),
  number: () => throwValue(7),
  frozenError: () => throwValue(Object.freeze(new Error('frozen'))),
  getters: () => throwValue(throwing(new Error('getters'), 'stack', 'name', 'message', 'cause')),
  proxy: () =>
    throwValue(
      new Proxy(new Error('proxy'), {
        get(_target, key) {
          throw new Error(`trap of ${String(key)}`);
        },
        getPrototypeOf() {
          throw new Error('trap of the prototype');
        },
      }),
    ),
  cause: () => {
    const error = new Error('cause');
    error.cause = error;
    throw error;
  },
};

async function main() {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error) => {
      try {
        console.log(event, String(error?.message));
      } catch (failure) {
        console.log(event, failure.message);
      }
    });
  }
  const act = (id, request, object) => {
    actions[id]?.(request, object);
    return id;
  };
  const { port, close } = await start(library, folder, act);
  for (const name of [...Object.keys(actions), 'end'])
    console.log(name, await send(port, `/rooms/${name}`));
  close();
  console.log('done');
  process.exit(0);
}
main();
