import { afterEach, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { SUGGESTION_SCENARIOS, type SuggestionScenario } from '../../demo/scenarios.ts';
import { MINUTE_MS } from '../../src/core/duration.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

const MAX_MS = 10 * MINUTE_MS;
/** Pause before each read of the suggestions, which stay as long as their data is in the range. */
const POLL_INTERVAL_MS = 5000;

interface Suggestion {
  readonly kind: string;
  readonly title: string;
}

/** The kinds of suggestions that find the problem of each scenario. */
const KINDS: Readonly<Record<SuggestionScenario, readonly string[]>> = {
  'n-plus-one': ['n-plus-one'],
  'missing-index': ['slow-statement'],
  'slow-table': ['slow-table'],
  'missing-limit': ['missing-limit'],
  'small-pool': ['pool-too-small'],
  'connection-leak': ['connection-leak'],
  'chatty-transactions': ['chatty-transaction'],
  'too-few-workers': ['too-few-workers'],
  'too-many-workers': ['too-many-workers'],
  'first-attempt-fails': ['fails-first'],
  'retries-without-backoff': ['no-backoff'],
  'repeated-reads': ['cacheable-results'],
  'event-loop-block': ['event-loop-block'],
  'gc-pressure': ['gc-pressure'],
  'slow-tenant': ['slow-tenant'],
};

let cleanUp: () => Promise<unknown> = async () => {};
afterEach(() => cleanUp());

/** Starts the demo. @returns a function that reads the current suggestions */
async function startDemo(
  scenarios: readonly SuggestionScenario[],
): Promise<() => Promise<Suggestion[]>> {
  const server = new PerfscopeServer();
  const demo = new Demo({ fast: true, scenarios, env: server.env, log: () => {} });
  cleanUp = async () => {
    await demo.stop();
    await server.remove();
  };
  await demo.start();
  return async () => {
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    const response = await fetch(`${demo.serverUrl}/api/performance/suggestions`);
    const { suggestions } = (await response.json()) as { suggestions: Suggestion[] };
    return suggestions;
  };
}

// Long: in CI, detectors.test.ts tests each detector, and suggestions.test.ts tests the endpoint.
it.each(Object.keys(SUGGESTION_SCENARIOS) as SuggestionScenario[])(
  'the demo scenario %s is found within ten minutes',
  { tags: 'long', timeout: MAX_MS + 2 * MINUTE_MS },
  async (scenario) => {
    const read = await startDemo([scenario]);
    const found = await waitFor(
      async () => (await read()).find(({ kind }) => KINDS[scenario].includes(kind)),
      MAX_MS,
    );
    expect(found.title).not.toBe('');
  },
);

// Long: in CI, detectors.test.ts checks that healthy services get no suggestions.
it('ten minutes of the demo without a scenario lead to no suggestion', {
  tags: 'long',
  timeout: MAX_MS + 2 * MINUTE_MS,
}, async () => {
  const read = await startDemo([]);
  const found = new Map<string, string>();
  const endMs = Date.now() + MAX_MS;
  while (Date.now() < endMs) for (const { kind, title } of await read()) found.set(kind, title);
  expect(Object.fromEntries(found)).toEqual({});
});
