import type { Command } from 'commander';
import { DAY_MS } from '../core/duration.ts';
import { requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples, parseDuration } from './command-options.ts';
import { print, printJson, printStatus } from './command-output.ts';

interface DryRunOptions {
  readonly since: number;
  readonly step?: number;
  readonly file?: string;
  readonly json?: true;
}

/** `perfscope rules`: business rules before they act. */
export function addRulesCommand(program: Command): void {
  const rules = program
    .command('rules')
    .description('try business rules')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope rules dry-run --since 24h',
        'perfscope rules dry-run --since 2h --step 10s --file pricing.yaml',
      ),
    );
  rules
    .command('dry-run')
    .description('show what the business rules would have decided, from what is stored')
    .option('--since <time>', 'how far back', parseDuration, DAY_MS)
    .option('--step <time>', 'between two evaluations; default: some 300 in all', parseDuration)
    .option('--file <path>', 'instead of PERFORMANCE_BUSINESS_RULES_FILE')
    .option('--json', 'one JSON object a line')
    .action(runDryRun);
}

async function runDryRun({ since, step, file, json }: DryRunOptions): Promise<void> {
  const from = requireStartupConfig();
  const { loadConfiguredBusinessRules: checkBusinessRules } = await import(
    './load-config-files.ts'
  );
  const { dryRunRules: dryRun, computeDryRunStepMs: dryRunStepMs } = await import(
    '../server/actions/business-rules/evaluate-rule.ts'
  );
  const path = file ?? from.settings.PERFORMANCE_BUSINESS_RULES_FILE;
  const found = checkBusinessRules(path);
  if (found.rules.length === 0) {
    printStatus(
      'There are no business rules: set PERFORMANCE_BUSINESS_RULES_FILE, or name a --file.',
    );
    return;
  }
  const toMs = Date.now();
  const stepMs = step ?? dryRunStepMs(found, since);
  let count = 0;
  await withQueryClient(from, async (store) => {
    for await (const decision of dryRun(store, found.rules, {
      fromMs: toMs - since,
      toMs,
      stepMs,
    })) {
      count += 1;
      const { timestamp, rule, status, reason, organizationId, propertyId } = decision;
      if (json) printJson({ ...decision, at: new Date(timestamp).toISOString() });
      else if (status !== 'renewed') {
        const whose = [organizationId, propertyId].filter(Boolean).join('/');
        const words = [new Date(timestamp).toISOString(), rule, whose, status, reason];
        print(words.filter(Boolean).join('  '));
      }
    }
  });
  printStatus(
    `${count} decisions, evaluated every ${Math.round(stepMs / 1000)} s. Nothing was changed.`,
  );
}
