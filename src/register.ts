/**
 * Instruments an application: HTTP requests, database queries, jobs, and outgoing calls. Load the module before
 * the application, either with `--import` or with `--require`. It has no exports.
 *
 * It never throws, so the application always starts. If it is loaded again in the same process, it does nothing. The
 * `PERFORMANCE_*` environment variables configure it. docs/configuration.md lists them.
 *
 * ```sh
 * node --import @perfscope/agent/register app.js
 * ```
 *
 * @module register
 */
import { registerAgent } from './agent/register-agent.ts';

registerAgent();
