import type { Command } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import { formatDuration } from '../core/format.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

interface NoiseOptions extends ServerOptions {
  since: string;
  json?: true;
  suggest: boolean;
}

/** Adds `perfscope noise`. */
export function addNoiseCommand(program: Command): void {
  addServerOptions(
    program
      .command('noise')
      .description('Show which alert rules fired unnecessarily, and suggest quieter rules'),
  )
    .addHelpText(
      'after',
      formatExamples('perfscope noise', 'perfscope noise --since 7d --no-suggest --json'),
    )
    .option('--since <time>', 'Time range, ending now, such as 28d', '28d')
    .option('--no-suggest', "Don't search for quieter rules, which takes up to a few minutes")
    .option('--json', 'Print JSON')
    .action(async (options: NoiseOptions) => {
      const { since: last, suggest } = options;
      const noise = await withServerClient(options, (client) =>
        client.get('noise', { last, suggest }),
      );
      if (options.json) printJson(noise);
      else printNoise(noise, suggest);
    });
}

function printNoise({ rules, notes }: ApiResponse<'noise'>, suggest: boolean): void {
  if (rules.length === 0) {
    printStatus('No rule fired.');
    return;
  }
  const head = [
    'rule',
    'fired',
    'time',
    'median',
    'unacknowledged',
    'short',
    'flapping',
    'night pages',
  ];
  process.stdout.write(
    formatTable(
      head,
      rules.map(
        ({ name, fired, firingMs, medianMs, unacknowledged, short, flapping, nightPages }) => [
          name,
          fired,
          formatDuration(firingMs),
          medianMs === undefined ? undefined : formatDuration(medianMs),
          unacknowledged,
          short,
          flapping,
          nightPages,
        ],
      ),
    ),
  );
  for (const { name, receivers } of rules) {
    const names = receivers.map(
      (each) => `${each.name} (${each.messages}, ${each.nightMessages} at night)`,
    );
    if (names.length > 0) print(`${name} notified ${names.join(', ')}.`);
  }
  for (const { name, suggestion, reason } of rules) {
    if (suggestion) {
      const { change, currentFired, suggestedFired, yaml } = suggestion;
      print(`${name}: with ${change}, ${suggestedFired} instead of ${currentFired} alerts:`);
      process.stdout.write(`\n${yaml}\n`);
    } else if (suggest && reason !== undefined) print(`${name}: ${reason}.`);
  }
  for (const note of notes) printStatus(note);
}
