import { resolve } from 'node:path';
import type { Command } from 'commander';
import { askConfirmation } from './ask-confirmation.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';

export function addWipeCommand(program: Command): void {
  program
    .command('wipe')
    .description('Delete the data folder with all measurements')
    .option('--yes', 'Skip the confirmation')
    .addHelpText('after', formatExamples('perfscope wipe', 'perfscope wipe --yes'))
    .action(wipeData);
}

async function wipeData(options: { yes?: boolean }): Promise<void> {
  const dataDir = resolve(requireStartupConfig().settings.PERFORMANCE_DATA_DIR);
  const question = `Delete ${dataDir} and all its contents?`;
  const unchanged = 'Nothing was deleted.';
  if (!options.yes && !(await askConfirmation(question, unchanged, { canPipe: true }))) return;
  const { deleteDataDir } = await import('../storage/questdb/data-dir.ts');
  print((await deleteDataDir(dataDir)) ? `Deleted ${dataDir}.` : `${dataDir} does not exist.`);
}
