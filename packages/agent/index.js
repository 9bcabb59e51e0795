// Loads the library. On an unsupported runtime, its functions do nothing.
'use strict';

const { checkRuntime } = require('./check-runtime.js');

if (!checkRuntime()) module.exports = require('./unsupported-library.js');
// Node.js reads the names of the exports from the module in the last assignment.
else module.exports = require('./library.js');
