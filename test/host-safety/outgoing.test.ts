import { afterAll, expect, it } from 'vitest';
import { HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

it.concurrent.each([
  'ok',
  'keepAlive',
  'post',
  'continues',
  'hints',
  'reset',
  'cut',
  'destroyedResponse',
  'destroyedRequest',
  'upgrade',
  'destroyedBeforeSocket',
  'uncaughtError',
  'unhandledRejection',
  'rejectionWarning',
  'unreadBody',
  'fetchErrors',
])('outgoing calls have the same results and events as without the agent: %s', async (scenario) => {
  await runner.expectSameBehavior({ args: ['outgoing.cjs', scenario] });
});

it('adds no header to outgoing calls, and keeps the headers of the application', async () => {
  const { stdout } = await runner.expectSameBehavior({ args: ['outgoing.cjs', 'traceparent'] });
  const trace = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
  expect(stdout.match(/^traceparent .*/gm)).toEqual(
    [trace, 'undefined', trace].map((value) => `traceparent ${value}`),
  );
});
