import { type Command, Option } from 'commander';
import { DAY_MS } from '../core/duration.ts';
import { requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples, parseDuration } from './command-options.ts';
import { print, printJson, printStatus } from './command-output.ts';
import { addListRulesCommand } from './list-rules-command.ts';
import { addRulesImportCommand } from './rules-import-command.ts';

interface DryRunOptions {
  readonly last: number;
  readonly step?: number;
  readonly file?: string;
  readonly json?: true;
}

/** Adds `perfscope rules` and its subcommands. */
export function addRulesCommand(program: Command): void {
  const rules = program
    .command('rules')
    .description('List and import alert rules, and test business rules')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope rules',
        'perfscope rules dry-run --last 24h',
        'perfscope rules dry-run --last 2h --step 10s --file pricing.yaml',
        'perfscope rules import prometheus.yml --output rules.yaml',
      ),
    );
  addListRulesCommand(rules);
  rules
    .command('dry-run')
    .description('Show the decisions that business rules would have made on stored data')
    .addOption(
      new Option('--last <time>', 'Time range to evaluate, ending now')
        .argParser(parseDuration)
        .default(DAY_MS, '24h'),
    )
    .option(
      '--step <time>',
      'Time between evaluations; default: the time range divided into about 300 steps',
      parseDuration,
    )
    .option('--file <path>', 'Rules file to use instead of PERFORMANCE_BUSINESS_RULES_FILE')
    .option('--json', 'Print one JSON object per line')
    .action(runDryRun);
  addRulesImportCommand(rules);
}

async function runDryRun({ last, step, file, json }: DryRunOptions): Promise<void> {
  const config = requireStartupConfig();
  const { loadConfiguredBusinessRules } = await import('./load-config-files.ts');
  const { computeDryRunStepMs, dryRunRules } = await import(
    '../server/actions/business-rules/evaluate-business-rule.ts'
  );
  const path = file ?? config.settings.PERFORMANCE_BUSINESS_RULES_FILE;
  const businessRules = loadConfiguredBusinessRules(path);
  if (businessRules.rules.length === 0) {
    printStatus('There are no business rules. Set PERFORMANCE_BUSINESS_RULES_FILE or --file.');
    return;
  }
  const toMs = Date.now();
  const stepMs = step ?? computeDryRunStepMs(businessRules, last);
  let count = 0;
  await withQueryClient(config, async (queryClient) => {
    for await (const decision of dryRunRules(queryClient, businessRules.rules, {
      fromMs: toMs - last,
      toMs,
      stepMs,
    })) {
      count += 1;
      const { timestamp, rule, status, reason, organizationId, propertyId } = decision;
      if (json) printJson({ ...decision, at: new Date(timestamp).toISOString() });
      else if (status !== 'renewed') {
        const tenant = [organizationId, propertyId].filter(Boolean).join('/');
        const fields = [new Date(timestamp).toISOString(), rule, tenant, status, reason];
        print(fields.filter(Boolean).join('  '));
      }
    }
  });
  printStatus(
    `${count} decisions, evaluated every ${Math.round(stepMs / 1000)} s. Nothing was changed.`,
  );
}
