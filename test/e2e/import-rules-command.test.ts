import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runPerfscope } from '../support/run-perfscope.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('imports the rules of a Prometheus configuration', async () => {
  writeFileSync(
    join(folder, 'down.rules.yml'),
    'groups: [{ name: g, rules: [{ alert: ServiceDown, expr: up == 0, labels: { severity: page } }] }]',
  );
  const config = join(folder, 'prometheus.yml');
  writeFileSync(config, 'rule_files: ["*.rules.yml"]');
  const output = join(folder, 'imported.yaml');
  const run = (...args: string[]) =>
    runPerfscope(['rules', 'import', ...args], { ...process.env, PERFORMANCE_RULES_FILE: output });
  const written = await run(config, '--output', output, '--severity', 'page=high');
  expect([written.status, written.stdout]).toEqual([0, '']);
  expect(written.stderr).toContain('Translated 1 of 1 alert rules to 1 rules');
  expect(readFileSync(output, 'utf8')).toContain('noDataSeverity: high');
  const env = { ...process.env, PERFORMANCE_RULES_FILE: output };
  expect((await runPerfscope(['check-config'], env)).status).toBe(0);
  const again = await run(config, '--output', output);
  expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('PS_FILE_EXISTS')]);

  const json = JSON.parse((await run(config, '--json')).stdout) as { rules: { rule: object }[] };
  expect(json.rules[0]?.rule).toMatchObject({ name: 'ServiceDown', noDataSeverity: 'critical' });

  const rules = join(folder, 'strict.yml');
  writeFileSync(rules, 'groups: [{ name: g, rules: [{ alert: A, expr: kube_x > 1 }] }]');
  const lenient = await run(rules);
  expect(lenient.status).toBe(0);
  expect(lenient.stderr).toContain(
    `${rules}:1:47: A was not translated: Perfscope doesn't measure`,
  );
  expect((await run(rules, '--strict')).status).toBe(1);

  writeFileSync(rules, 'groups: [{ name: g, rules: [{ alert: A, expr: "up >" }] }]');
  const invalid = await run(rules);
  expect([invalid.status, invalid.stdout]).toEqual([1, '']);
  expect(invalid.stderr).toContain(`${rules}:1:47: \`expr\` of \`A\`: the expression is not valid`);
  const wrong = await run(rules, '--severity', 'page=urgent');
  expect(wrong.stderr).toContain('warning, medium, high, critical');
});
