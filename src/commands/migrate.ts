import type { Command } from 'commander';
import { examples } from './options.ts';
import { say } from './output.ts';
import { started, targetsOf } from './start.ts';

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema of the configured, or running, QuestDB up to date')
    .addHelpText('after', examples('PERFORMANCE_QUESTDB_URL=http://questdb:9000 perfscope migrate'))
    .action(migrateSchema);
}

async function migrateSchema(): Promise<void> {
  const from = started();
  const { retention } = from.settings;
  const target = targetsOf(from).write;
  const { migrate } = await import('../questdb/migrate.ts');
  const { applyRetention } = await import('../questdb/retention.ts');
  const { version, applied } = await migrate(target, retention);
  await applyRetention(target, retention);
  say(`Schema version ${version}; ${applied.length > 0 ? applied.join(', ') : 'nothing to do'}.`);
}
