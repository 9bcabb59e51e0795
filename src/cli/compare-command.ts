import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import { formatDuration, formatNumber } from '../core/format.ts';
import { isShareStatistic } from '../core/statistics/sample-estimates.ts';
import { formatExamples, parseDuration } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';
import {
  type FailCondition,
  findViolations,
  formatChange,
  parseFailCondition,
} from './fail-condition.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

interface CompareOptions extends ServerOptions {
  service: string;
  environment?: string;
  base?: string;
  candidate?: string;
  baseRange?: readonly [from: string, to: string];
  since: number;
  endpoint?: string[];
  failOn?: readonly FailCondition[];
  requireData?: true;
  json?: true;
}

type Comparison = ApiResponse<'compare'>;
type Change = Comparison['changes'][number];

/** Exit code if `--require-data` is set and there is not enough data. */
const EXIT_NO_DATA = 3;

/** Adds `perfscope compare`. */
export function addCompareCommand(program: Command): void {
  addServerOptions(
    program
      .command('compare')
      .description('Compare two versions of a service, and fail if the new version is worse'),
  )
    .requiredOption('--service <name>', 'Service to compare')
    .option('--environment <name>', 'Environment, such as production')
    .option(
      '--base <version>',
      'Version to compare with; default: all other versions, or all versions if the ranges differ',
    )
    .option(
      '--candidate <version>',
      'Version to check; default: all other versions, or all versions if the ranges differ',
    )
    .addOption(
      new Option(
        '--base-range <from/to>',
        'Time range of the base, as two ISO 8601 times; default: the range of --since',
      ).argParser(parseRange),
    )
    .addOption(
      new Option('--since <time>', 'Length of the time range until now')
        .argParser(parseDuration)
        .default(86_400_000, '1d'),
    )
    .option('--endpoint <name...>', 'Compare only these endpoints, statements, queues, or hosts')
    .addOption(
      new Option(
        '--fail-on <condition>',
        'Exit with 1 if the whole confidence interval is above this limit; can be repeated',
      ).argParser(parseFailCondition),
    )
    .option('--require-data', 'Exit with 3 if there is not enough data for a comparison')
    .option('--json', 'Print JSON')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope compare --service booking --base 1.7.0 --candidate 1.8.0',
        "perfscope compare --service booking --base 1.7.0 --candidate 1.8.0 --fail-on 'p95>+10%' --fail-on 'errorRate>+1%'",
      ),
    )
    .action(compare);
}

/** Parses two times with a slash between them. @throws InvalidArgumentError */
export function parseRange(text: string): [from: string, to: string] {
  const [from = '', to = '', ...rest] = text.split('/');
  if (rest.length > 0 || !(Date.parse(from) < Date.parse(to))) {
    throw new InvalidArgumentError(
      'It must be two times, such as 2030-01-31T08:00Z/2030-01-31T09:00Z.',
    );
  }
  return [from, to];
}

/**
 * Returns an error message if the same requests would be on both sides, or undefined.
 *
 * @param now end of the candidate's time range, in ms since the epoch
 */
export function findSelfComparison(
  {
    base,
    candidate,
    baseRange,
    since,
  }: Pick<CompareOptions, 'base' | 'candidate' | 'baseRange' | 'since'>,
  now: number,
): string | undefined {
  if (base !== candidate) return undefined;
  const subject = base === undefined ? 'all versions' : `version ${base}`;
  if (!baseRange) {
    return `error: This compares ${subject} with itself. Specify two versions with --base and --candidate, or another time range with --base-range.`;
  }
  const [fromMs, toMs] = baseRange.map((time) => Date.parse(time)) as [number, number];
  if (toMs <= now - since || fromMs >= now) return undefined;
  return `error: This compares ${subject} with itself, because --base-range overlaps the time range of --since, which starts at ${new Date(now - since).toISOString()}. Specify a --base-range before this time, or different versions.`;
}

async function compare(options: CompareOptions, command: Command): Promise<void> {
  const { service, environment, base, candidate, baseRange, since, endpoint } = options;
  const now = Date.now();
  const problem = findSelfComparison(options, now);
  if (problem !== undefined) command.error(problem);
  const comparison = await withServerClient(options, (client) =>
    client.get('compare', {
      service: [service],
      from: now - since,
      to: now,
      ...(environment !== undefined && { environment: [environment] }),
      ...(base !== undefined && { base }),
      ...(candidate !== undefined && { candidate }),
      ...(endpoint !== undefined && { endpoint }),
      ...(baseRange && { baseFrom: baseRange[0], baseTo: baseRange[1] }),
    }),
  );
  const { failOn = [], requireData, json } = options;
  const violations = comparison.changes.flatMap((change) =>
    findViolations(change, failOn).map(({ text }) => ({ condition: text, change })),
  );
  const hasData = comparison.changes.length > 0;
  if (json) printJson({ ...comparison, hasData, violations });
  else printComparison(comparison, violations);
  if (violations.length > 0) process.exitCode = 1;
  else if (!hasData && requireData) process.exitCode = EXIT_NO_DATA;
}

function printComparison(
  { changes, seriesCount, confidence }: Comparison,
  violations: readonly { readonly condition: string; readonly change: Change }[],
): void {
  if (changes.length === 0) {
    const reason = seriesCount === 0 ? 'the candidate has no data' : 'too few requests';
    printStatus(`There is not enough data for a comparison: ${reason}.`);
    return;
  }
  const failed = new Set(violations.map(({ change }) => change));
  const rows = changes.toSorted((a, b) => toRank(a, failed) - toRank(b, failed));
  process.stdout.write(
    formatTable(
      [
        'endpoint',
        'statistic',
        'before',
        'after',
        `change (${100 * confidence} %)`,
        'requests',
        '',
      ],
      rows.map((change) => [
        [change.operation, change.endpoint].filter(Boolean).join(' '),
        change.statistic,
        formatStatistic(change, change.before),
        formatStatistic(change, change.after),
        formatChange(change),
        `${formatNumber(change.countBefore)} / ${formatNumber(change.countAfter)}`,
        failed.has(change) ? 'FAILED' : change.verdict === 'unchanged' ? '' : change.verdict,
      ]),
    ),
  );
  for (const method of new Set(changes.map((change) => change.method))) {
    const note = METHOD_NOTES[method];
    if (note !== undefined) print(note);
  }
  for (const { condition, change } of violations) print(`${condition}: ${change.text}`);
}

/** Reasons other than the version that can explain a change. In the same minutes, there are none. */
const METHOD_NOTES: Readonly<Partial<Record<Change['method'], string>>> = {
  before: 'The base ran before the candidate, so other events can also explain changes.',
  after: 'The base ran after the candidate, so other events can also explain changes.',
  overlapping:
    'The base and the candidate ran together for only a part of the time, so other events can also explain changes.',
};

/** Violations first, then other regressions, then improvements. */
function toRank(change: Change, failed: ReadonlySet<Change>): number {
  if (failed.has(change)) return 0;
  return ['regression', 'improvement', 'unchanged'].indexOf(change.verdict) + 1;
}

function formatStatistic({ statistic }: Change, value: number): string {
  return isShareStatistic(statistic) ? `${formatNumber(100 * value)} %` : formatDuration(value);
}
