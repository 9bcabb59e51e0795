import { expect, it } from 'vitest';
import { formatServerSteps } from '../../../src/cli/agent-install-steps.ts';
import { VERSION } from '../../../src/core/version.ts';

const FILE = `./vendor/perfscope-agent-${VERSION}.tgz`;
const STEPS = [`  npm install ${FILE}`, '  node --import @perfscope/agent/register app.js'];

it('downloads the agent if the server offers it', () => {
  const url = `http://127.0.0.1:4001/agent-${VERSION}.tgz`;
  expect(formatServerSteps(url, 'sha512-abc')).toEqual([
    'To measure a service, run in its folder:',
    `  curl --fail --create-dirs -o ${FILE} ${url}`,
    ...STEPS,
    'SHA-512 of the agent: sha512-abc',
  ]);
});

it('names the command if the server does not offer the agent', () => {
  const lines = formatServerSteps(undefined, 'sha512-abc');
  expect(lines[0]).toContain('run `perfscope agent pack` on this machine');
  expect(lines.slice(2)).toEqual([...STEPS, 'SHA-512 of the agent: sha512-abc']);
});
