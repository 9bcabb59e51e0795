// Starts the same SDK as `sdk-without-exporters.cjs`, with Perfscope's exporters.
const { perfscopeConfiguration } = require('../../../dist/agent-package/opentelemetry.js');
const { startSdk } = require('./sdk.cjs');

startSdk(perfscopeConfiguration({ exportIntervalMs: 100 }));
