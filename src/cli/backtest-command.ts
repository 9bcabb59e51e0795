import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import type { PerfscopeClient } from '../client/perfscope-client.ts';
import { formatDuration } from '../core/format.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

interface BacktestOptions extends ServerOptions {
  rules?: string;
  since: string;
  until?: string;
  step?: string;
  rule?: string[];
  currentOnly?: true;
  json?: true;
}

type Result = NonNullable<ApiResponse<'backtest'>['result']>;
type Replay = NonNullable<Result['rules'][number]['current']>;

const PROGRESS_INTERVAL_MS = 1000;

/** Adds `perfscope backtest`. */
export function addBacktestCommand(program: Command): void {
  addServerOptions(
    program
      .command('backtest')
      .description(
        'Show how often alert rules would have fired on stored data, and who would have been notified',
      ),
  )
    .addHelpText(
      'after',
      formatExamples(
        'perfscope backtest --rules new.yaml',
        'perfscope backtest --rules new.yaml --since 28d --rule response-time',
        'perfscope backtest --current-only --since 1d --json',
      ),
    )
    .option('--rules <file>', 'Rules file to compare with the current rules')
    .option(
      '--since <time>',
      'Start of the range, as an ISO 8601 time or a duration before the end, such as 7d',
      '7d',
    )
    .option('--until <time>', 'End of the range, as an ISO 8601 time; default: now')
    .option('--step <time>', 'Time between evaluations, such as 1m; default: 1m')
    .option('--rule <name...>', 'Replay only these rules')
    .option('--current-only', 'Replay only the current rules')
    .option('--json', 'Print JSON')
    .action(runBacktestCommand);
}

async function runBacktestCommand(options: BacktestOptions, command: Command): Promise<void> {
  const { rules: file, currentOnly } = options;
  if (file === undefined && currentOnly === undefined)
    command.error('error: specify either --rules or --current-only');
  const rules = file === undefined || currentOnly ? undefined : readRules(file);
  const { since, until: to, step, rule } = options;
  const isDuration = /^\d+[smhd]$/.test(since);
  const query = { ...(isDuration ? { last: since } : { from: since }), to, step, rule };
  const { result } = await withServerClient(options, (client) =>
    withProgress(client, () => client.backtest({ rules }, query)),
  );
  if (!result) return;
  if (options.json) printJson(result);
  else printResult(result, rules !== undefined);
}

function readRules(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw createError('PS_CONFIG_INVALID', {
      name: '--rules',
      value: file,
      allowed: `a file that can be read: ${errorMessage(error)}`,
    });
  }
}

/** Shows the progress on a terminal while `run` waits for the server. */
async function withProgress<T>(client: PerfscopeClient, run: () => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return run();
  const timer = setInterval(() => void showProgress(client), PROGRESS_INTERVAL_MS);
  try {
    return await run();
  } finally {
    clearInterval(timer);
    process.stderr.write('\r\u001B[K');
  }
}

async function showProgress(client: PerfscopeClient): Promise<void> {
  try {
    const { progress } = await client.get('backtest');
    if (!progress) return;
    const percent = Math.floor(100 * progress.done);
    process.stderr.write(`\rperfscope: ${percent} % of the time range, ${progress.rows} rows`);
  } catch {
    // The request that runs the backtest reports the error.
  }
}

function printResult(result: Result, isCompared: boolean): void {
  const { from, to, stepMs, rules, stored, notes, durationMs } = result;
  print(`${from} to ${to}, every ${formatDuration(stepMs)}, in ${formatDuration(durationMs)}.`);
  const replayed = rules.filter(({ current, proposed }) => isActive(current) || isActive(proposed));
  const changed = rules.filter(({ change }) => change !== 'unchanged');
  const shown = [...new Set([...changed, ...replayed])];
  if (shown.length === 0) print('No rule would have fired.');
  else {
    const head = isCompared
      ? [
          'rule',
          'change',
          'fired now',
          'fired new',
          'time now',
          'time new',
          'sent now',
          'sent new',
          'night new',
        ]
      : ['rule', 'fired', 'time', 'median', 'sent', 'night'];
    const rows = shown.map(({ name, change, current, proposed }) =>
      isCompared
        ? [
            name,
            change,
            current?.fired,
            proposed?.fired,
            formatTotal(current),
            formatTotal(proposed),
            current?.messages,
            proposed?.messages,
            proposed?.nightMessages,
          ]
        : [
            name,
            current?.fired,
            formatTotal(current),
            current?.medianMs === undefined ? undefined : formatDuration(current.medianMs),
            current?.messages,
            current?.nightMessages,
          ],
    );
    process.stdout.write(formatTable(head, rows));
  }
  for (const { name, current, proposed } of shown) printRecipients(name, proposed ?? current);
  const { alerts, reproduced, late, other, added } = stored;
  print(
    `The current rules reproduced ${reproduced} of ${alerts} stored alerts. Late rows explain ${late} differences, and ${other} have other reasons. The replay raised ${added} more.`,
  );
  for (const { name, current, proposed } of rules) {
    const { skipped, notes: own = [] } = proposed ?? current ?? {};
    if (skipped !== undefined) printStatus(`${name} was not replayed: ${skipped}.`);
    else if (isActive(current) || isActive(proposed)) {
      for (const note of own) printStatus(`${name}: ${note}.`);
    }
  }
  for (const note of notes) printStatus(note);
}

function isActive(replay: Replay | undefined): boolean {
  return (replay?.fired ?? 0) > 0 || (replay?.messages ?? 0) > 0;
}

function formatTotal(replay: Replay | undefined): string | undefined {
  return replay && formatDuration(replay.firingMs);
}

function printRecipients(name: string, replay: Replay | undefined): void {
  if (!replay || replay.messages === 0) return;
  const all = [...replay.receivers, ...replay.people];
  const names = all.map((each) => `${each.name} (${each.messages})`);
  print(`${name} would have notified ${names.join(', ')}.`);
}
