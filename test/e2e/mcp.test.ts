import { spawn } from 'node:child_process';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../support/create-key.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';
import { waitForExit } from '../support/wait-for-exit.ts';

const server = new PerfscopeServer();
const command = (...args: string[]) => ['dist/bin.js', 'mcp', ...args];
const readText = (result: unknown) =>
  (result as CallToolResult).content
    .map((part) => (part.type === 'text' ? part.text : ''))
    .join('\n');

beforeAll(() => server.start());
afterAll(() => server.remove());

/** Starts the command as an assistant does, and calls a tool. */
async function callOverStdio(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const client = new Client({ name: 'test', version: '1' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: command(...args),
    env: env as Record<string, string>,
  });
  await client.connect(transport);
  const text = readText(await client.callTool({ name: 'get_context', arguments: {} }));
  await client.close();
  return text;
}

describe('perfscope mcp', () => {
  it('answers over stdio without a key on the machine of the server', async () => {
    expect(await callOverStdio([], server.env)).toContain('"authentication":"local"');
  });

  it('reports a missing server as the result of a tool', async () => {
    const env = { ...server.env, XDG_RUNTIME_DIR: server.env.PERFORMANCE_DATA_DIR };
    expect(await callOverStdio([], env)).toContain('PS_NO_SERVER');
  });

  it('answers over HTTP with the access of the key in each request, and stops on SIGTERM', async () => {
    const key = await createKey(server, 'VIEWER', 'hotels');
    const child = spawn(process.execPath, command('--http', '--port', '0'), { env: server.env });
    const exited = waitForExit(child);
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const url = await waitFor(async () => /MCP server: (\S+)/.exec(output)?.[1]);
    const client = new Client({ name: 'test', version: '1' });
    const requestInit = { headers: { Authorization: `Bearer ${key}` } };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(url), { requestInit }) as Parameters<
        Client['connect']
      >[0],
    );
    const text = readText(await client.callTool({ name: 'get_context', arguments: {} }));
    expect(text).toContain('"organizationId":"hotels"');
    await client.close();
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  it('explains wrong options', async () => {
    const port = await runPerfscope(['mcp', '--http', '--port', 'x'], server.env);
    expect([port.status, port.stderr]).toEqual([2, expect.stringContaining('from 0 to 65535')]);
    const key = await runPerfscope(['mcp', '--http', '--key', 'x'], server.env);
    expect([key.status, key.stderr]).toEqual([2, expect.stringContaining('its own key')]);
    const origin = await runPerfscope(
      ['mcp', '--http', '--allow-origin', 'http://a/b'],
      server.env,
    );
    expect([origin.status, origin.stderr]).toEqual([2, expect.stringContaining('no path')]);
    const { port: taken } = new URL(server.url);
    const { status, stderr } = await runPerfscope(['mcp', '--http', '--port', taken], server.env);
    expect([status, stderr]).toEqual([1, expect.stringContaining('--port')]);
  });
});
