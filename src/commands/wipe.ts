import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { examples } from './options.ts';
import { say } from './output.ts';
import { started } from './start.ts';

export function addWipe(program: Command): void {
  program
    .command('wipe')
    .description('remove the data folder with everything that was measured')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('perfscope wipe', 'perfscope wipe --yes'))
    .action(wipeData);
}

async function wipeData(options: { yes?: boolean }): Promise<void> {
  const dataDir = resolve(started().settings.PERFORMANCE_DATA_DIR);
  if (options.yes !== true && !(await confirmed(`Remove ${dataDir} and all it holds?`))) {
    say('Nothing was removed.');
    return;
  }
  const { wipe } = await import('../questdb/data-dir.ts');
  say((await wipe(dataDir)) ? `${dataDir} is removed.` : `There is no ${dataDir}.`);
}

async function confirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
