import { SCENARIOS } from './scenarios.ts';

/** Returns the help text of the demo. */
export function formatUsage(): string {
  const scenarios = Object.entries(SCENARIOS).map(
    ([name, description]) => `      ${name.padEnd(16)}${description}`,
  );
  return [
    'Usage: npx perfscope demo [--fast] [--scenario NAME]',
    '       npm run demo -- [--fast] [--scenario NAME]   (in a checkout)',
    '  --fast            Simulate one day in ten minutes.',
    '  --scenario NAME   Start a scenario after 20 seconds:',
    ...scenarios,
    '  --without-server  Use a running server. Set PERFORMANCE_QUESTDB_URL to the URL of its QuestDB.',
  ].join('\n');
}
