import type { Command } from 'commander';
import { readRulesFile } from '../alerts/run/rules-file.ts';
import { runRuleTests } from '../alerts/testing/run.ts';
import { checkRules } from './check-rules.ts';
import { examples } from './options.ts';
import { say } from './output.ts';
import { started } from './start.ts';

export function addTestRules(program: Command): void {
  program
    .command('test-rules <file...>')
    .description('run the tests of files against the rules of PERFORMANCE_RULES_FILE')
    .addHelpText(
      'after',
      examples('PERFORMANCE_RULES_FILE=rules.yaml perfscope test-rules rules.test.yaml'),
    )
    .action((files: string[]) => {
      const { rules } = checkRules(started().settings);
      const results = files.flatMap((path) => {
        const { name, text } = readRulesFile(path);
        return runRuleTests(text, name, rules);
      });
      for (const { name, failures } of results) {
        say(`${failures.length === 0 ? 'pass' : 'FAIL'}  ${name}`);
        for (const { file, line, rule, evalMs, expected, found } of failures) {
          const when = `${evalMs / 1000} s`;
          say(`  ${file}:${line}: ${rule} at ${when}: expected ${expected}, found ${found}`);
        }
      }
      if (results.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
    });
}
