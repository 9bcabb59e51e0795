import { afterAll, it } from 'vitest';
import { HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

it.concurrent.each([
  'listeners',
  'listenersLater',
  'listenersAfterRequest',
  'tenListeners',
  'elevenListeners',
  'listenerOrder',
  'tenStreamListeners',
  'tenSocketListeners',
  'globals',
  'errors',
  'processState',
  'resources',
  'asyncResources',
  'asyncLocalStorage',
  'request',
  'requestWithTenant',
  'query',
  'express',
  'channels',
  'http2',
  'responseMethods',
  'garbageCollection',
])('an application observes the same state as without the agent: %s', async (scenario) => {
  const env = { PERFORMANCE_ORGANIZATION_HEADER: 'org' };
  await runner.expectSameBehavior({ args: ['observe.cjs', scenario], env });
});
