import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ApiResponse, Query } from '../client/api-types.ts';
import { parseDuration } from '../core/duration.ts';
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../core/format.ts';
import { EXPLAIN_DATABASES } from '../server/suggestions/explain/explain-result.ts';
import { SUGGESTION_KINDS } from '../server/suggestions/suggestion.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';
import { rejectUnknownSubcommand } from './reject-unknown-subcommand.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

type Suggestion = ApiResponse<'suggestions'>['suggestions'][number];
type Evidence = Suggestion['evidence'][number];

interface ListOptions extends ServerOptions {
  last?: string;
  kind?: Suggestion['kind'][];
  service?: string[];
  dismissed?: true;
  json?: true;
}

interface ExplainOptions extends ServerOptions {
  database?: (typeof EXPLAIN_DATABASES)[number];
  json?: true;
}

/** Adds `perfscope suggestions` and its subcommands. */
export function addSuggestionsCommand(program: Command): void {
  const suggestions = program
    .command('suggestions')
    .description('List problems with their evidence, expected gain, and next step')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope suggestions',
        'perfscope suggestions --last 7d --kind n-plus-one slow-statement',
        'perfscope suggestions explain 0f3a92c41b7de855',
        'perfscope suggestions dismiss 0f3a92c41b7de855 --for 30d --comment "Nightly report"',
      ),
    );
  addServerOptions(
    suggestions
      .command('list', { isDefault: true })
      .description('List suggestions, largest gain first')
      .allowExcessArguments(),
  )
    .option('--last <time>', 'Time range, such as 1h or 7d, at most 7d', checkDuration, '1h')
    .addOption(new Option('--kind <kind...>', 'Show only these kinds').choices(SUGGESTION_KINDS))
    .option('--service <name...>', 'Show only suggestions about these services')
    .option('--dismissed', 'Show the dismissed suggestions instead')
    .option('--json', 'Print JSON')
    .action(async (options: ListOptions, command: Command) => {
      rejectUnknownSubcommand(suggestions, command.args[0]);
      const { last, kind, service, dismissed = false } = options;
      const query: Query<'suggestions'> = {
        ...{ last, dismissed },
        ...(kind && { kind }),
        ...(service && { service }),
      };
      const found = await withServerClient(options, (client) => client.get('suggestions', query));
      printSuggestions(found, options);
    });
  addServerOptions(
    suggestions
      .command('dismiss <id>')
      .description('Hide a suggestion, for a time or until it is restored'),
  )
    .requiredOption('--comment <text>', 'Reason for the dismissal')
    .option('--for <time>', 'Duration, such as 7d. Default: no end', checkDuration)
    .action(async (id: string, options: ServerOptions & { comment: string; for?: string }) => {
      const { comment, for: duration } = options;
      const { dismissals } = await withServerClient(options, (client) =>
        client.dismissSuggestion(id, { comment, ...(duration && { duration }) }),
      );
      const until = dismissals[0]?.until;
      print(`Dismissed "${dismissals[0]?.title}" ${until ? `until ${until}` : 'without an end'}.`);
    });
  addServerOptions(
    suggestions.command('restore <id>').description('Show a dismissed suggestion again'),
  ).action(async (id: string, options: ServerOptions) => {
    const { dismissals } = await withServerClient(options, (client) =>
      client.restoreSuggestion(id),
    );
    print(`Restored "${dismissals[0]?.title}".`);
  });
  addServerOptions(
    suggestions
      .command('explain <id>')
      .description("Run EXPLAIN for a suggestion's statement. Never executes the statement"),
  )
    .addOption(new Option('--database <name>', 'Database to use').choices(EXPLAIN_DATABASES))
    .option('--json', 'Print JSON')
    .action(async (id: string, options: ExplainOptions) => {
      const { database } = options;
      const explained = await withServerClient(options, (client) =>
        client.explainSuggestion(id, database && { database }),
      );
      if (options.json) printJson(explained);
      else printPlan(explained);
    });
}

/** Checks a duration, which the server parses. @throws InvalidArgumentError */
function checkDuration(text: string): string {
  if (parseDuration(text) !== undefined) return text;
  throw new InvalidArgumentError('It must be a duration, such as 1h or 7d.');
}

function printSuggestions(found: ApiResponse<'suggestions'>, options: ListOptions): void {
  const { suggestions, dismissals, incomplete } = found;
  if (incomplete.length > 0) {
    printStatus(
      `Too much data to read: ${incomplete.join(', ')}. Use a shorter range or a filter.`,
    );
  }
  if (options.json) printJson(found);
  else if (options.dismissed) printDismissals(dismissals);
  else if (suggestions.length === 0) printStatus(`No suggestions for the last ${options.last}.`);
  else process.stdout.write(`${suggestions.map(formatSuggestion).join('\n\n')}\n`);
}

function printDismissals(dismissals: ApiResponse<'suggestions'>['dismissals']): void {
  if (dismissals.length === 0) {
    printStatus('No dismissed suggestions.');
    return;
  }
  const rows = dismissals.map(({ suggestionId, title, until = 'no end', author, comment }) => [
    ...[suggestionId, title, until, author, comment],
  ]);
  process.stdout.write(formatTable(['id', 'suggestion', 'until', 'author', 'comment'], rows));
}

/** Formats a suggestion as a paragraph: title, evidence, gain, and next step. */
function formatSuggestion(suggestion: Suggestion): string {
  const { id, kind, title, service, confidence, evidence, gain, nextStep } = suggestion;
  const origin = service === undefined ? kind : `${kind}, ${service}`;
  return [
    `${title} (${origin}, ${confidence} confidence)`,
    `  Evidence: ${evidence.map(formatEvidence).join('; ')}`,
    `  Gain: ${gain.text}`,
    `  Next step: ${nextStep.text}`,
    ...(nextStep.code ?? '').split('\n').flatMap((line) => (line === '' ? [] : `    ${line}`)),
    `  ID: ${id}`,
  ].join('\n');
}

function formatEvidence({ label, value, unit }: Evidence): string {
  return `${label}: ${formatValue(value, unit)}`;
}

function formatValue(value: number, unit: Evidence['unit']): string {
  if (unit === 'ms') return formatDuration(value);
  if (unit === '%') return formatPercent(value);
  if (unit === 'By') return formatBytes(value);
  return unit === '1/s' ? `${formatNumber(value)}/s` : formatNumber(value);
}

function printPlan({ suggestion, reason }: ApiResponse<'explainSuggestion'>): void {
  const { plan } = suggestion;
  if (reason !== undefined || plan === undefined) {
    printStatus(`The statement was not explained: ${reason}.`);
    return;
  }
  const lines = [
    plan.summary,
    ...(plan.index === undefined ? [] : ['', `  ${plan.index}`]),
    '',
    `Plan of ${plan.database} ${plan.version}, without values:`,
    ...plan.plan.map((line) => `  ${line}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
