import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { createError } from '../core/perfscope-error.ts';
import { formatExamples, parseDuration } from './command-options.ts';
import { print } from './command-output.ts';

/** Adds `doctor` to the `perfscope` command and to the command of the agent package. */
export function addDoctorCommand(program: Command): void {
  const command = `${program.name()} doctor`;
  program
    .command('doctor <app> [args...]')
    .description(
      'Run an application for a few seconds, and list which of its libraries are measured and where the rows are sent. The exit code is 1 if the command finds a problem (✗).',
    )
    .addOption(
      new Option('--timeout <time>', 'Maximum time to wait until the application loads a library')
        .argParser(parseDuration)
        .default(30_000, '30s'),
    )
    .addHelpText(
      'after',
      formatExamples(
        `${command} app.js`,
        `${command} --timeout 2m app.js`,
        `${command} app.js -- --port 0`,
      ),
    )
    .action(async (app: string, args: string[], { timeout: timeoutMs }: { timeout: number }) => {
      assertExists(app);
      const { examineApplication } = await import('../agent/doctor/examine-application.ts');
      const lines = await examineApplication(app, args, { timeoutMs });
      for (const line of lines) print(line);
      if (lines.some((line) => line.startsWith('✗'))) process.exitCode = 1;
    });
}

/** Checks that Node.js finds the application, with or without its file extension. @throws PS_DOCTOR_FAILED */
function assertExists(app: string): void {
  const file = resolve(app);
  try {
    createRequire(file).resolve(file);
  } catch (error) {
    throw createError('PS_DOCTOR_FAILED', { app, reason: 'the file does not exist' }, error);
  }
}
