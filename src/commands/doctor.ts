import type { Command } from 'commander';
import { examples } from './options.ts';
import { say } from './output.ts';

export function addDoctor(program: Command): void {
  program
    .command('doctor <app> [args...]')
    .description(
      'run an application for some seconds, and tell which of its libraries are measured',
    )
    .addHelpText(
      'after',
      examples('perfscope doctor app.js', 'perfscope doctor app.js -- --port 0'),
    )
    .action(async (app: string, args: string[]) => {
      const { examine } = await import('../doctor.ts');
      for (const line of await examine(app, args)) say(line);
    });
}
