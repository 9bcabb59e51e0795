// Handlers of an AWS Lambda function.
const { setTimeout: delay } = require('node:timers/promises');

/** What `event.action` makes the handlers do. */
const ACTIONS = {
  respond: async () => ({ statusCode: 200, body: 'ok' }),
  notFound: async () => ({ statusCode: 404, body: 'no' }),
  wait: async () => {
    await delay(30);
    return { statusCode: 201 };
  },
  fail: async () => {
    throw new RangeError('no rooms');
  },
  failSync: () => {
    throw new TypeError('not a room');
  },
  hang: () => delay(60_000),
  exit: () => process.exit(3),
  handlerName: async () => process.env._HANDLER,
};

exports.get = async (event) => ACTIONS[event.action ?? 'respond']();
exports.sync = (event) => ACTIONS[event.action ?? 'respond']();
exports.nested = { inner: { get: exports.get } };
exports.callback = (event, context, callback) => {
  if (event.action === 'fast') context.callbackWaitsForEmptyEventLoop = false;
  if (event.action === 'silent') return;
  setTimeout(() => {
    if (event.action === 'fail') callback(new RangeError('no rooms'));
    else callback(null, 'called back');
  }, 10);
};
exports.stream = globalThis.awslambda?.streamifyResponse(async (event, stream) => {
  stream.write('a');
  await delay(10);
  if (event.action === 'fail') throw new RangeError('no rooms');
  stream.write('b');
  stream.end();
});
exports.notAFunction = 7;
