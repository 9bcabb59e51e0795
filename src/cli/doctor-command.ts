import type { Command } from 'commander';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor <app> [args...]')
    .description(
      'Run an application for a few seconds and list which of its libraries are measured',
    )
    .addHelpText(
      'after',
      formatExamples('perfscope doctor app.js', 'perfscope doctor app.js -- --port 0'),
    )
    .action(async (app: string, args: string[]) => {
      const { examineApplication } = await import('../agent/doctor/examine-application.ts');
      for (const line of await examineApplication(app, args)) print(line);
    });
}
