import { existsSync, writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { ALERT_SEVERITIES, type AlertSeverity, isAlertSeverity } from '../core/schema/enums.ts';
import type { ImportResult } from '../server/alerts/prometheus-import/import-prometheus-rules.ts';
import { formatExamples } from './command-options.ts';
import { printJson, printStatus } from './command-output.ts';

interface ImportOptions {
  readonly output?: string;
  readonly severity?: Map<string, AlertSeverity>;
  readonly json?: true;
  readonly strict?: true;
  readonly force?: true;
}

/** Adds `perfscope rules import`. */
export function addRulesImportCommand(rules: Command): void {
  rules
    .command('import <file...>')
    .description(
      'Translate Prometheus alert rules. Accepts rule files, PrometheusRule objects, and prometheus.yml with rule_files.',
    )
    .option('-o, --output <file>', 'File for the translated rules; default: standard output')
    .option('--force', 'Overwrite an existing file')
    .addOption(
      new Option(
        '--severity <label=severity>',
        'Severity for a value of the severity label, such as page=critical; can be repeated',
      ).argParser(parseSeverity),
    )
    .option('--json', 'Print the result as JSON')
    .option('--strict', 'Exit with code 1 if a rule is not translated, or has a warning')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope rules import prometheus.yml --output rules.yaml',
        'perfscope rules import alerts/*.yml --severity page=critical --severity ticket=medium',
      ),
    )
    .action(importRules);
}

function parseSeverity(
  text: string,
  previous: Map<string, AlertSeverity> = new Map(),
): Map<string, AlertSeverity> {
  const [, label, severity] = /^(.+)=(\w+)$/.exec(text) ?? [];
  if (label === undefined || !isAlertSeverity(severity)) {
    const names = ALERT_SEVERITIES.join(', ');
    throw new InvalidArgumentError(`Write LABEL=SEVERITY. The severity is one of ${names}.`);
  }
  return previous.set(label, severity);
}

async function importRules(files: string[], options: ImportOptions): Promise<void> {
  const { output, severity: severities = new Map(), json, strict, force } = options;
  const { readPrometheusRules } = await import(
    '../server/alerts/prometheus-import/read-prometheus-rules.ts'
  );
  const { importPrometheusRules } = await import(
    '../server/alerts/prometheus-import/import-prometheus-rules.ts'
  );
  const { formatImportedRules, toRuleConfig } = await import(
    '../server/alerts/prometheus-import/format-imported-rules.ts'
  );
  const result = importPrometheusRules(readPrometheusRules(files), { severities });
  const text = formatImportedRules(result);
  if (output !== undefined) writeOutput(output, text, force === true);
  if (json) {
    const { untranslated, recordingRules } = result;
    const rules = result.rules.map((rule) => ({
      rule: toRuleConfig(rule),
      originals: rule.originals.map(({ name, file, line, column }) => ({
        name,
        file,
        line,
        column,
      })),
      notes: rule.notes,
      warnings: rule.warnings,
    }));
    printJson({ rules, untranslated, recordingRules });
  } else if (output === undefined) process.stdout.write(text);
  printSummary(result, output);
  const hasWarnings = result.rules.some(({ warnings }) => warnings.length > 0);
  if (strict && (hasWarnings || result.untranslated.length > 0)) process.exitCode = 1;
}

function writeOutput(file: string, text: string, force: boolean): void {
  // An existing file can contain rules that are in effect.
  if (!force && existsSync(file)) throw createError('PS_FILE_EXISTS', { file });
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw createError(
      'PS_STATE_FILE_UNUSABLE',
      { file, action: 'written', reason: errorMessage(error) },
      error,
    );
  }
}

function printSummary(
  { rules, untranslated, recordingRules }: ImportResult,
  output?: string,
): void {
  const originalCount = rules.reduce((sum, { originals }) => sum + originals.length, 0);
  const place = output === undefined ? '' : ` in ${output}`;
  printStatus(
    `Translated ${originalCount} of ${originalCount + untranslated.length} alert rules to ${rules.length} rules${place}.`,
  );
  for (const { name, warnings } of rules) {
    for (const warning of warnings) printStatus(`${name}: warning: ${warning}.`);
  }
  for (const { file, line, column, name, reason, alternative } of untranslated) {
    printStatus(
      `${file}:${line}:${column}: ${name} was not translated: ${reason}. Alternative: ${alternative}.`,
    );
  }
  const unused = recordingRules.filter(({ isUsed }) => !isUsed);
  if (unused.length > 0) {
    const names = unused.map(({ name }) => name).join(', ');
    printStatus(
      `Recording rules are not imported, because Perfscope computes values itself: ${names}.`,
    );
  }
}
