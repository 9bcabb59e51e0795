// Starts the agent. This file and check-runtime.js run on every version of Node.js, so they check the
// version before they load the rest.
'use strict';

const { checkRuntime, reportLoadFailure } = require('./check-runtime.js');

if (checkRuntime()) {
  try {
    require('./register-agent.js');
  } catch (error) {
    reportLoadFailure(error);
  }
}
