// Is bundled and minified by a test.
import './opentelemetry-sdk.mjs';
import * as api from '@opentelemetry/api';
import { exercise } from './opentelemetry-exercise.cjs';

await exercise(api);
