import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { continueWithoutOutput } from './output-errors.ts';

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('Start the server and a demo hotel booking service under load; see demo --help')
    .allowUnknownOption()
    .helpOption(false)
    .argument('[options...]')
    .action(runDemo);
}

/** Runs the demo. Its additional packages must be installed separately. */
async function runDemo(options: string[]): Promise<void> {
  const main = new URL('../demo/main.js', import.meta.url);
  process.argv = [process.argv[0] ?? '', fileURLToPath(main), ...options];
  continueWithoutOutput();
  try {
    await import(main.href);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw createError('PS_DEMO_INCOMPLETE', { reason: errorMessage(error) }, error);
  }
}
