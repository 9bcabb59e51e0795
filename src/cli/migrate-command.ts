import type { Command } from 'commander';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema of the configured, or running, QuestDB up to date')
    .addHelpText(
      'after',
      formatExamples('PERFORMANCE_QUESTDB_URL=http://questdb:9000 perfscope migrate'),
    )
    .action(migrateSchema);
}

async function migrateSchema(): Promise<void> {
  const from = requireStartupConfig();
  const { retention } = from.settings;
  const target = requireQuestdbTargets(from).write;
  const { migrate } = await import('../storage/migrations/migrate.ts');
  const { applyRetention } = await import('../storage/migrations/apply-retention.ts');
  const { version, applied } = await migrate(target, retention);
  await applyRetention(target, retention);
  print(`Schema version ${version}; ${applied.length > 0 ? applied.join(', ') : 'nothing to do'}.`);
}
