import type { Command } from 'commander';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';

export function addTestRulesCommand(program: Command): void {
  program
    .command('test-rules <file...>')
    .description('Run test files against the alert rules in PERFORMANCE_RULES_FILE')
    .addHelpText(
      'after',
      formatExamples('PERFORMANCE_RULES_FILE=rules.yaml perfscope test-rules rules.test.yaml'),
    )
    .action(testRules);
}

async function testRules(files: string[]): Promise<void> {
  const { settings } = requireStartupConfig();
  const { loadConfiguredAlertRules } = await import('./load-config-files.ts');
  const { readRulesFile } = await import('../server/alerts/rules/load-alert-rules.ts');
  const { runRuleTests } = await import('../server/alerts/rule-tests/run-rule-tests.ts');
  const { rules } = loadConfiguredAlertRules(settings);
  const results = files.flatMap((path) => {
    const { name, text } = readRulesFile(path);
    return runRuleTests(text, name, rules);
  });
  for (const { name, failures } of results) {
    print(`${failures.length === 0 ? 'pass' : 'FAIL'}  ${name}`);
    for (const { file, line, rule, evalMs, expected, found } of failures) {
      const time = `${evalMs / 1000} s`;
      print(`  ${file}:${line}: ${rule} at ${time}: expected ${expected}, but was ${found}`);
    }
  }
  if (results.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
}
