import type { Command } from 'commander';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('Update the schema of the configured or running QuestDB')
    .addHelpText(
      'after',
      formatExamples('PERFORMANCE_QUESTDB_URL=http://questdb:9000 perfscope migrate'),
    )
    .action(migrateSchema);
}

async function migrateSchema(): Promise<void> {
  const config = requireStartupConfig();
  const { retention } = config.settings;
  const target = requireQuestdbTargets(config).write;
  const { migrate } = await import('../storage/migrations/migrate.ts');
  const { applyRetention } = await import('../storage/migrations/apply-retention.ts');
  const { version, applied, conflicts } = await migrate(target, retention);
  await applyRetention(target, retention);
  const changes = applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'No changes.';
  for (const { message } of conflicts) process.stderr.write(`perfscope: ${message}\n`);
  print(`Schema version ${version}. ${changes}`);
}
