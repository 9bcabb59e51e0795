import type { Command } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import { formatTable, print, printJson } from './command-output.ts';
import { rejectUnknownSubcommand } from './reject-unknown-subcommand.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

type Rule = ApiResponse<'rules'>['rules'][number];

/** Adds `perfscope rules list`. It is the default subcommand of `rules`. */
export function addListRulesCommand(rules: Command): void {
  addServerOptions(
    rules
      .command('list', { isDefault: true })
      .description("List a running server's alert rules, and show which rules are waiting for data")
      .allowExcessArguments(),
  )
    .option('--json', 'Print JSON')
    .action(async (options: ServerOptions & { json?: true }, command: Command) => {
      rejectUnknownSubcommand(rules, command.args[0]);
      const response = await withServerClient(options, (client) => client.get('rules'));
      if (options.json) printJson(response);
      else {
        const rows = response.rules.map(toRuleTableRow);
        process.stdout.write(formatTable(['state', 'rule', 'alerts', 'groups', 'note'], rows));
        for (const problem of response.problems) print(problem);
      }
    });
}

/** Returns the cells of a rule in the table of `perfscope rules`. */
export function toRuleTableRow(rule: Rule): unknown[] {
  const { name, alerts, valueCount, waiting, error } = rule;
  const note = error ?? (waiting && `${waiting.text} (expected at ${waiting.expectedAt})`);
  return [toShownState(rule), name, alerts, valueCount, note];
}

/** A rule that can't evaluate any of its groups is waiting. */
function toShownState({ state, waiting, error }: Rule): string {
  if (error !== undefined) return 'error';
  return state === 'inactive' && waiting?.readyGroups === 0 ? 'waiting' : state;
}
