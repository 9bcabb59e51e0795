import { expect, it } from 'vitest';
import { resolveOptionNames } from '../../../src/cli/option-names.ts';

it.each([
  ['export --organization-id a', 'export --organization a', []],
  ['export --out=x', 'export --output=x', ['`--out` is deprecated. Use `--output` instead.']],
  [
    'rules dry-run --since 2h',
    'rules dry-run --last 2h',
    ['`--since` is deprecated. Use `--last` instead.'],
  ],
  ['compare --since 1h', 'compare --since 1h', []],
  ['backtest --rules a.yaml --since=7d', 'backtest --rules a.yaml --since=7d', []],
  ['noise --since 7d', 'noise --since 7d', []],
  ['grafana --outside --output x', 'grafana --outside --output x', []],
  // The other program has its own options.
  ['doctor app.js --out x --since y', 'doctor app.js --out x --since y', []],
])('resolves the options of %s', (line, expected, notices) => {
  const resolved = resolveOptionNames(line.split(' '));
  expect(resolved.argv.join(' ')).toBe(expected);
  expect(resolved.notices).toEqual(notices);
});

it('keeps a deprecated name for commands that have an option with this name', () => {
  for (const command of ['backtest', 'noise']) {
    const argv = [command, '--since', '7d'];
    expect(resolveOptionNames(argv)).toEqual({ argv, notices: [] });
  }
  expect(resolveOptionNames(['export', '--since', '7d']).argv).toEqual(['export', '--last', '7d']);
});
