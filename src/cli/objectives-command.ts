import type { Command } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import { formatDuration, formatNumber, formatPercent } from '../core/format.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, printJson, printStatus } from './command-output.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

interface ObjectivesOptions extends ServerOptions {
  service?: string[];
  json?: true;
}

/** Targets can have as many decimals, such as 99.9999 %. */
const ACHIEVED_DECIMALS = 4;

type Objective = ApiResponse<'objectives'>['objectives'][number];
type ObjectiveGroup = Objective['groups'][number];

/** Adds `perfscope objectives`. */
export function addObjectivesCommand(program: Command): void {
  addServerOptions(
    program
      .command('objectives [name]')
      .description('List objectives with their error budgets, smallest remaining budget first')
      .addHelpText(
        'after',
        formatExamples(
          'perfscope objectives',
          'perfscope objectives target-error-rate --service booking',
          'perfscope objectives --json',
        ),
      ),
  )
    .option('--service <name...>', 'Show only groups of these services')
    .option('--json', 'Print JSON')
    .action(async (name: string | undefined, options: ObjectivesOptions) => {
      const { service } = options;
      const found = await withServerClient(options, async (client) => {
        // Reports an unknown name.
        if (name !== undefined) await client.objective(name);
        return client.get('objectives', { service, ...(name !== undefined && { name: [name] }) });
      });
      printObjectives(found, options.json === true);
    });
}

function printObjectives(found: ApiResponse<'objectives'>, isJson: boolean): void {
  const { objectives, updatedAt } = found;
  if (isJson) printJson(found);
  else if (updatedAt === undefined) printStatus('The server is still reading measurements.');
  else if (objectives.length === 0) printStatus('No objectives.');
  else {
    process.stdout.write(`${formatObjectives(objectives)}\n`);
    for (const note of describeOmittedGroups(objectives)) printStatus(note);
  }
}

/** Returns a note for each objective with more groups than the server measures. */
export function describeOmittedGroups(objectives: readonly Objective[]): string[] {
  return objectives
    .filter(({ omittedGroups }) => omittedGroups > 0)
    .map(
      ({ name, omittedGroups }) =>
        `${name} has too many groups: ${formatNumber(omittedGroups)} more groups are not measured. Use fewer dimensions in \`groupBy\`.`,
    );
}

/** Returns the table of `perfscope objectives`, with one line per group. */
export function formatObjectives(objectives: readonly Objective[]): string {
  const rows = objectives.flatMap((objective) =>
    objective.groups.length > 0
      ? objective.groups.map((group) => toCells(objective, group))
      : [[objective.name, '', formatTarget(objective), 'waiting', '', '', '', 'no data']],
  );
  const head = [
    'objective',
    'labels',
    'target',
    'status',
    'achieved',
    'budget',
    'burn rate',
    'runs out',
  ];
  return formatTable(head, rows).trimEnd();
}

/** Returns the cells of a group in the table of `perfscope objectives`. */
function toCells(objective: Objective, group: ObjectiveGroup): unknown[] {
  const { status, achieved, budgetRemaining, burnRates, exhaustedAt, reason } = group;
  const burnRate = burnRates.fast ?? burnRates.medium ?? burnRates.slow;
  return [
    objective.name,
    Object.entries(group.labels)
      .map(([name, text]) => `${name}=${text}`)
      .join(' '),
    formatTarget({ ...objective, ...group }),
    status,
    achieved === undefined ? '' : formatPercent(achieved, ACHIEVED_DECIMALS),
    budgetRemaining === undefined ? '' : formatPercent(budgetRemaining),
    burnRate === undefined ? '' : formatNumber(burnRate),
    reason ?? (status === 'exhausted' ? 'exhausted' : (exhaustedAt ?? '')),
  ];
}

function formatTarget({
  kind,
  target,
  threshold,
  window,
}: Pick<Objective, 'kind' | 'target' | 'threshold' | 'window'>): string {
  const limit = threshold === undefined ? kind : `${kind} ${formatDuration(threshold)}`;
  return `${target} % ${limit} in ${formatDuration(window)}`;
}
