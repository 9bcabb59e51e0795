import { Command, CommanderError } from 'commander';
import { errorMessage, PerfscopeError } from '../core/perfscope-error.ts';
import { addAlertsCommand } from './alerts-command.ts';
import { addBackupCommand } from './backup-command.ts';
import { addCheckConfigCommand } from './check-config-command.ts';
import { addDemoCommand } from './demo-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addExportCommand } from './export-command.ts';
import { addGrafanaCommand } from './grafana-command.ts';
import { addHealthcheckCommand } from './healthcheck-command.ts';
import { addKeysCommand } from './keys-command.ts';
import { addMigrateCommand } from './migrate-command.ts';
import { addNotifyCommand } from './notify-command.ts';
import { addQueryCommand } from './query-command.ts';
import { addRestoreCommand } from './restore-command.ts';
import { addRetentionCommand } from './retention-command.ts';
import { addRulesCommand } from './rules-command.ts';
import { addServeCommand } from './serve-command.ts';
import { addTestRulesCommand } from './test-rules-command.ts';
import { addTopCommand } from './top-command.ts';
import { addWipeCommand } from './wipe-command.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE_ERROR = 2;

/** All commands, in the order in which the help lists them. */
const COMMANDS = [
  addServeCommand,
  addDemoCommand,
  addMigrateCommand,
  addCheckConfigCommand,
  addDoctorCommand,
  addTopCommand,
  addAlertsCommand,
  addNotifyCommand,
  addTestRulesCommand,
  addRulesCommand,
  addQueryCommand,
  addExportCommand,
  addRetentionCommand,
  addBackupCommand,
  addRestoreCommand,
  addKeysCommand,
  addGrafanaCommand,
  addHealthcheckCommand,
  addWipeCommand,
];

/** Runs the command line. Sets the exit code: 0 for success, 1 for a failure, 2 for invalid usage. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = new Command('perfscope')
    .description('Monitor the performance of Node.js services')
    .helpOption('-h, --help', 'Show help')
    .helpCommand('help [command]', 'Show help for a command')
    .showHelpAfterError()
    .showSuggestionAfterError()
    .exitOverride();
  for (const add of COMMANDS) add(program);
  // A program that reads our output, such as `head`, can close the pipe early.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : EXIT_FAILURE);
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE_ERROR;
      return;
    }
    const code = error instanceof PerfscopeError ? ` ${error.code}:` : '';
    process.stderr.write(`perfscope:${code} ${errorMessage(error)}\n`);
    process.exitCode = EXIT_FAILURE;
  }
}
