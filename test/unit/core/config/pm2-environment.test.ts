import { expect, it } from 'vitest';
import { addPm2Environment } from '../../../../src/core/config/pm2-environment.ts';

const SCRIPT = '/srv/node_modules/pm2/lib/ProcessContainer.js';
const pm2_env = JSON.stringify({ OTEL_SERVICE_NAME: 'shop', PORT: 4000, pm_cwd: '/srv/shop' });

it('adds the variables that PM2 sets after the agent is loaded', () => {
  expect(
    addPm2Environment({ OTEL_SERVICE_NAME: 'daemon', HOME: '/root', pm2_env }, SCRIPT),
  ).toEqual({
    OTEL_SERVICE_NAME: 'shop',
    PORT: '4000',
    pm_cwd: '/srv/shop',
    HOME: '/root',
    pm2_env,
  });
});

it.each([
  ['another script', { pm2_env }, '/srv/app.js'],
  ['invalid JSON', { pm2_env: '{' }, SCRIPT],
  ['null', { pm2_env: 'null' }, SCRIPT],
  ['no variables of PM2', { HOME: '/root' }, SCRIPT],
  ['no script', { pm2_env }, undefined],
])('changes nothing for %s', (_case, env, script) => {
  expect(addPm2Environment(env, script)).toEqual(env);
});
