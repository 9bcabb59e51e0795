import type { Command } from 'commander';
import { duration, examples } from './options.ts';
import { note, say, sayJson } from './output.ts';
import { started, withStore } from './start.ts';

interface DryRunOptions {
  readonly since: number;
  readonly step?: number;
  readonly file?: string;
  readonly json?: true;
}

/** `perfscope rules`: business rules before they act. */
export function addRules(program: Command): void {
  const rules = program
    .command('rules')
    .description('try business rules')
    .addHelpText(
      'after',
      examples(
        'perfscope rules dry-run --since 24h',
        'perfscope rules dry-run --since 2h --step 10s --file pricing.yaml',
      ),
    );
  rules
    .command('dry-run')
    .description('show what the business rules would have decided, from what is stored')
    .option('--since <time>', 'how far back', duration, 86_400_000)
    .option('--step <time>', 'between two evaluations; default: some 300 in all', duration)
    .option('--file <path>', 'instead of PERFORMANCE_BUSINESS_RULES_FILE')
    .option('--json', 'one JSON object a line')
    .action(dryRunRules);
}

async function dryRunRules({ since, step, file, json }: DryRunOptions): Promise<void> {
  const from = started();
  const { checkBusinessRules } = await import('./check-business-rules.ts');
  const { dryRun, dryRunStepMs } = await import('../actions/rules/dry-run.ts');
  const path = file ?? from.settings.PERFORMANCE_BUSINESS_RULES_FILE;
  const found = checkBusinessRules(path);
  if (found.rules.length === 0) {
    note('There are no business rules: set PERFORMANCE_BUSINESS_RULES_FILE, or name a --file.');
    return;
  }
  const toMs = Date.now();
  const stepMs = step ?? dryRunStepMs(found, since);
  let count = 0;
  await withStore(from, async (store) => {
    for await (const decision of dryRun(store, found.rules, {
      fromMs: toMs - since,
      toMs,
      stepMs,
    })) {
      count += 1;
      const { timestamp, rule, status, reason, organizationId, propertyId } = decision;
      if (json) sayJson({ ...decision, at: new Date(timestamp).toISOString() });
      else if (status !== 'renewed') {
        const whose = [organizationId, propertyId].filter(Boolean).join('/');
        const words = [new Date(timestamp).toISOString(), rule, whose, status, reason];
        say(words.filter(Boolean).join('  '));
      }
    }
  });
  note(`${count} decisions, evaluated every ${Math.round(stepMs / 1000)} s. Nothing was changed.`);
}
