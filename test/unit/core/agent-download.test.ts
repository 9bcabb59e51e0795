import { expect, it } from 'vitest';
import { getAgentFileName, getAgentPath, getAgentUrl } from '../../../src/core/agent-download.ts';

it.each([
  ['http://127.0.0.1:4001', 'http://127.0.0.1:4001/agent-1.2.3.tgz'],
  ['http://[::1]:4001', 'http://[::1]:4001/agent-1.2.3.tgz'],
  ['https://perfscope.example/', 'https://perfscope.example/agent-1.2.3.tgz'],
  ['https://example.com/perfscope//', 'https://example.com/perfscope/agent-1.2.3.tgz'],
  ['http://perfscope.example', undefined],
  ['http://0.0.0.0:4001', undefined],
  ['http://10.0.0.5:4001', undefined],
  ['not a URL', undefined],
  [undefined, undefined],
])('the agent of the server at %s is at %s', (serverUrl, agentUrl) => {
  expect(getAgentUrl(serverUrl, '1.2.3')).toBe(agentUrl);
});

it('the path and the file name contain the version', () => {
  expect(getAgentPath('1.2.3')).toBe('/agent-1.2.3.tgz');
  expect(getAgentFileName('1.2.3')).toBe('perfscope-agent-1.2.3.tgz');
});
