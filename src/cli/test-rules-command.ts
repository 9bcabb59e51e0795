import type { Command } from 'commander';
import { runRuleTests } from '../server/alerts/rule-tests/run-rule-tests.ts';
import { readRulesFile } from '../server/alerts/rules/load-alert-rules.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';
import { loadConfiguredAlertRules } from './load-config-files.ts';

export function addTestRulesCommand(program: Command): void {
  program
    .command('test-rules <file...>')
    .description('run the tests of files against the rules of PERFORMANCE_RULES_FILE')
    .addHelpText(
      'after',
      formatExamples('PERFORMANCE_RULES_FILE=rules.yaml perfscope test-rules rules.test.yaml'),
    )
    .action((files: string[]) => {
      const { rules } = loadConfiguredAlertRules(requireStartupConfig().settings);
      const results = files.flatMap((path) => {
        const { name, text } = readRulesFile(path);
        return runRuleTests(text, name, rules);
      });
      for (const { name, failures } of results) {
        print(`${failures.length === 0 ? 'pass' : 'FAIL'}  ${name}`);
        for (const { file, line, rule, evalMs, expected, found } of failures) {
          const when = `${evalMs / 1000} s`;
          print(`  ${file}:${line}: ${rule} at ${when}: expected ${expected}, found ${found}`);
        }
      }
      if (results.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
    });
}
