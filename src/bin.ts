#!/usr/bin/env node
import { runCli } from './cli/cli.ts';
import { errorMessage } from './core/perfscope-error.ts';

// Not awaited, so Node.js doesn't report an unsettled promise if the event loop is empty.
runCli(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`perfscope: ${errorMessage(error)}\n`);
  process.exitCode = 1;
});
