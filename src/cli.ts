import { Command, CommanderError } from 'commander';
import { addAlerts } from './commands/alerts.ts';
import { addBackup } from './commands/backup.ts';
import { addCheckConfig } from './commands/check-config.ts';
import { addDemo } from './commands/demo.ts';
import { addDoctor } from './commands/doctor.ts';
import { addExport } from './commands/export.ts';
import { addGrafana } from './commands/grafana.ts';
import { addHealthcheck } from './commands/healthcheck.ts';
import { addKeys } from './commands/keys.ts';
import { addMigrate } from './commands/migrate.ts';
import { addNotify } from './commands/notify.ts';
import { addQuery } from './commands/query.ts';
import { addRestore } from './commands/restore.ts';
import { addRetention } from './commands/retention.ts';
import { addRules } from './commands/rules.ts';
import { addServe } from './commands/serve.ts';
import { addTestRules } from './commands/test-rules.ts';
import { addTop } from './commands/top.ts';
import { addWipe } from './commands/wipe.ts';
import { PerfscopeError, reasonOf } from './errors.ts';

const FAILED = 1;
const WRONG_USAGE = 2;

/** Every verb, in the order of the help. */
const VERBS = [
  addServe,
  addDemo,
  addMigrate,
  addCheckConfig,
  addDoctor,
  addTop,
  addAlerts,
  addNotify,
  addTestRules,
  addRules,
  addQuery,
  addExport,
  addRetention,
  addBackup,
  addRestore,
  addKeys,
  addGrafana,
  addHealthcheck,
  addWipe,
];

/** Runs the command line. Sets the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('perfscope')
    .description('Watches the performance of Node.js services.')
    .showHelpAfterError()
    .showSuggestionAfterError()
    .exitOverride();
  for (const add of VERBS) add(program);
  // Whoever reads our output may stop early, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : FAILED);
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
      return;
    }
    const code = error instanceof PerfscopeError ? ` ${error.code}:` : '';
    process.stderr.write(`perfscope:${code} ${reasonOf(error)}\n`);
    process.exitCode = FAILED;
  }
}
