// Uses the OpenTelemetry API as a CommonJS module. See `opentelemetry-app.mjs` for the arguments.
const { exercise } = require('./opentelemetry-exercise.cjs');

const [, , apiName, sdk] = process.argv;
if (sdk) require(sdk);
exercise(require(apiName));
