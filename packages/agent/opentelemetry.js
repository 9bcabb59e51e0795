// Loads the components for the OpenTelemetry SDK. On an unsupported runtime, they do nothing.
'use strict';

const { checkRuntime } = require('./check-runtime.js');

if (!checkRuntime()) module.exports = require('./unsupported-opentelemetry.js');
// Node.js reads the names of the exports from the module in the last assignment.
else module.exports = require('./opentelemetry-components.js');
