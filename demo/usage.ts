import { ALERT_SCENARIOS, SUGGESTION_SCENARIOS } from './scenarios.ts';

/** Returns the help text of the demo. */
export function formatUsage(): string {
  const list = (scenarios: Readonly<Record<string, string>>) =>
    Object.entries(scenarios).map(
      ([name, description]) => `      ${name.padEnd(25)}${description}`,
    );
  return [
    'Usage: npx perfscope demo [--fast] [--scenario NAMES]',
    '       npm run demo -- [--fast] [--scenario NAMES]   (in a checkout)',
    '  --fast            Simulate one day in ten minutes.',
    '  --scenario NAMES  Start scenarios after 20 seconds. Separate several names with commas.',
    '    Scenarios that raise alerts:',
    ...list(ALERT_SCENARIOS),
    '    Scenarios with a problem that the suggestions find:',
    ...list(SUGGESTION_SCENARIOS),
    '  --without-server  Use a running server. Set PERFORMANCE_QUESTDB_URL to the URL of its QuestDB.',
  ].join('\n');
}
