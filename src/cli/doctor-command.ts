import type { Command } from 'commander';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor <app> [args...]')
    .description(
      'run an application for some seconds, and tell which of its libraries are measured',
    )
    .addHelpText(
      'after',
      formatExamples('perfscope doctor app.js', 'perfscope doctor app.js -- --port 0'),
    )
    .action(async (app: string, args: string[]) => {
      const { examineApplication: examine } = await import('../agent/doctor/doctor.ts');
      for (const line of await examine(app, args)) print(line);
    });
}
