import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { pino } from 'pino';
import { readEnvironment, type Started } from './config/environment.ts';
import { knownQuestdb } from './config/locate.ts';
import { coded, PerfscopeError, reasonOf } from './errors.ts';
import type { Log } from './log.ts';

/** Runs the command line. @returns the exit code, or undefined while a server runs */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('perfscope')
    .description('Watches the performance of Node.js services.')
    .showHelpAfterError()
    .showSuggestionAfterError();
  program.command('serve').description('start QuestDB and the server').action(serve);
  program
    .command('demo')
    .description('the same with a booking service of some hotels under traffic; --help tells more')
    .allowUnknownOption()
    .helpOption(false)
    .argument('[options...]')
    .action(runDemo);
  program
    .command('migrate')
    .description('bring the schema of the configured, or running, QuestDB up to date')
    .action(migrateSchema);
  program
    .command('check-config')
    .description('check the environment variables without starting anything')
    .action(() => {
      checked(readEnvironment('perfscope'));
      say('The configuration is valid.');
    });
  program
    .command('doctor <app> [args...]')
    .description(
      'run an application for some seconds, and tell which of its libraries are measured',
    )
    .action(async (app: string, args: string[]) => {
      const { examine } = await import('./doctor.ts');
      for (const line of await examine(app, args)) say(line);
    });
  program
    .command('wipe')
    .description('remove the data folder with everything that was measured')
    .option('--yes', 'do not ask')
    .action(wipeData);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    const code = error instanceof PerfscopeError ? ` ${error.code}:` : '';
    process.stderr.write(`perfscope:${code} ${reasonOf(error)}\n`);
    process.exitCode = 1;
  }
}

async function serve(): Promise<void> {
  const started = checked(readEnvironment('perfscope'));
  const { startServer } = await import('./server.ts');
  say('Starting QuestDB and the server …');
  const server = await startServer(started, pinoLog());
  say(`Ready: ${server.url}`);
  say(
    `QuestDB console: ${server.questdbUrl} (user and password in ${server.dataDir}/credentials.json)`,
  );
  say('Measure a service: node --import perfscope/register app.js');
  let closing = false;
  const close = () => {
    if (closing) return;
    closing = true;
    say('Stopping …');
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`perfscope: ${reasonOf(error)}\n`);
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, close);
}

/** The demo needs packages that the product does not: whoever wants it installs them. */
async function runDemo(options: string[]): Promise<void> {
  const main = new URL('./demo/main.js', import.meta.url);
  process.argv = [process.argv[0] ?? '', fileURLToPath(main), ...options];
  try {
    await import(main.href);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw coded('PS_DEMO_INCOMPLETE', { reason: reasonOf(error) }, error);
  }
}

async function migrateSchema(): Promise<void> {
  const started = checked(readEnvironment('perfscope'));
  const { settings } = started;
  const target = knownQuestdb(started)?.write;
  if (!target) throw coded('PS_NO_TARGET', {});
  const { applyRetention, migrate } = await import('./questdb/migrate.ts');
  const { version, applied } = await migrate(target, settings.PERFORMANCE_RETENTION_DAYS);
  await applyRetention(target, settings.PERFORMANCE_RETENTION_DAYS);
  say(`Schema version ${version}; ${applied.length > 0 ? applied.join(', ') : 'nothing to do'}.`);
}

async function wipeData(options: { yes?: boolean }): Promise<void> {
  const { settings } = checked(readEnvironment('perfscope'));
  const dataDir = resolve(settings.PERFORMANCE_DATA_DIR);
  if (options.yes !== true && !(await confirmed(`Remove ${dataDir} and all it holds?`))) {
    say('Nothing was removed.');
    return;
  }
  const { wipe } = await import('./questdb/data-dir.ts');
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

/** @throws the first problem, after all others have been said */
function checked(started: Started): Started {
  const [first, ...others] = started.problems;
  for (const problem of others) {
    process.stderr.write(`perfscope: ${problem.code}: ${problem.message}\n`);
  }
  if (first) throw first;
  return started;
}

function say(line: string): void {
  process.stdout.write(`perfscope: ${line}\n`);
}

function pinoLog(): Log {
  const logger = pino({ base: undefined }, pino.destination({ fd: 2, sync: true }));
  return {
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}
