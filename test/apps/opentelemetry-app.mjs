// Uses the OpenTelemetry API as an ES module. The first argument is the name of the API's package. If the second argument
// is a module, it is loaded before the API.
import { exercise } from './opentelemetry-exercise.cjs';

const [, , apiName, sdk] = process.argv;
if (sdk) await import(sdk);
await exercise(await import(apiName));
