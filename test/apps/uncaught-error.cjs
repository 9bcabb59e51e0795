// Throws an error that nothing catches, in a callback of the function that the first argument names.
const { resolve } = require('node:path');
const {
  traceFunction,
  traceStep,
  withPerformanceTracking,
  withTenant,
  withUrlTemplate,
} = require('../../dist/agent-package/index.js');

const fail = () => {
  throw new Error('not caught');
};
const FAILURES = {
  'plain code': fail,
  withTenant: () => withTenant({ organizationId: 'grand-hotels' }, fail),
  withUrlTemplate: () => withUrlTemplate('/rooms/{id}', fail),
  withPerformanceTracking: () => withPerformanceTracking(fail)(),
  'a tracked generator': () =>
    withPerformanceTracking(function* rooms() {
      yield fail();
    })().next(),
  traceFunction: () => traceFunction('fail', fail)(),
  traceStep: () => traceStep('fail', fail),
  'a query of pg': () => {
    const { Client } = require(resolve('node_modules/pg'));
    new Client().query({
      get text() {
        return fail();
      },
    });
  },
};
setTimeout(FAILURES[process.argv[2]], 10);
