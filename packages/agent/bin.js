#!/usr/bin/env node
// Runs the command of the agent package, unless the runtime is unsupported.
'use strict';

const { checkRuntime } = require('./check-runtime.js');

if (checkRuntime()) require('./agent-command.js');
else process.exitCode = 1;
