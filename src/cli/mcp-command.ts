import type { Command } from 'commander';
import type { McpConnection } from '../mcp/mcp-server.ts';
import { listen } from '../server/startup/listen.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples, parsePort, parseWebOrigin } from './command-options.ts';
import { printStatus } from './command-output.ts';
import { addServerOptions, type ServerOptions, selectServer } from './server-client.ts';

interface McpOptions extends ServerOptions {
  http?: true;
  host: string;
  port: number;
  allowHost?: string[];
  allowOrigin?: string[];
}

/** Adds `perfscope mcp`. */
export function addMcpCommand(program: Command): void {
  const mcp = program
    .command('mcp')
    .description(
      'Give AI assistants read access to a running server, with the Model Context Protocol (MCP)',
    )
    .option('--http', 'Accept HTTP requests, each with its own API key, instead of using stdin')
    .option('--host <address>', 'With --http: address to listen on', '127.0.0.1')
    .option(
      '--port <number>',
      'With --http: port to listen on, or 0 for a free port',
      parsePort,
      4010,
    )
    .option('--allow-host <name...>', 'With --http: further names that clients use for this server')
    .option(
      '--allow-origin <url...>',
      'With --http: websites whose requests are accepted (default: none)',
      parseWebOrigin,
    )
    .addHelpText(
      'after',
      formatExamples(
        'perfscope mcp',
        'perfscope mcp --url https://perfscope.example.com --key-file ~/.perfscope-key',
        'perfscope mcp --http --port 4010',
      ),
    );
  addServerOptions(mcp).action((options: McpOptions) => {
    if (!options.http) return serveStdio(options);
    if (options.key !== undefined || options.keyFile !== undefined) {
      mcp.error('error: with --http, each request needs its own key in its Authorization header', {
        code: 'commander.conflictingOption',
      });
    }
    return serveHttp(options);
  });
}

/** Serves one client over stdin and stdout, until stdin ends. */
async function serveStdio(options: McpOptions): Promise<void> {
  const { StdioServerTransport } = await import('@modelcontextprotocol/sdk/server/stdio.js');
  const { createMcpServer } = await import('../mcp/mcp-server.ts');
  const server = createMcpServer(() => connect(options));
  const ended = new Promise<void>((resolve) => {
    server.server.onclose = resolve;
    process.stdin.once('end', () => void server.close());
  });
  await server.connect(new StdioServerTransport());
  if (process.stdin.isTTY) {
    printStatus(
      'Waiting for an MCP client on stdin. docs/mcp.md describes how to add this command.',
    );
  }
  await ended;
}

async function serveHttp(options: McpOptions): Promise<void> {
  const { createMcpApp, MCP_PATH } = await import('../mcp/mcp-http-app.ts');
  const { createMcpServer } = await import('../mcp/mcp-server.ts');
  const { host, port, allowHost = [], allowOrigin = [], url } = options;
  const app = createMcpApp({
    host,
    allowedHosts: allowHost,
    allowedOrigins: allowOrigin,
    createServer: (key) =>
      createMcpServer(() => connect({ key, ...(url !== undefined && { url }) })),
  });
  const started = await listen(app, host, port, {}, '--port');
  printStatus(`MCP server: ${started.url}${MCP_PATH}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve);
  });
  started.server.close();
  started.server.closeAllConnections();
}

function connect(options: ServerOptions): McpConnection {
  const { settings } = requireStartupConfig();
  const { url, client, describeError } = selectServer(options);
  return { client, describeError, webUrl: settings.PERFORMANCE_PUBLIC_URL ?? url };
}
