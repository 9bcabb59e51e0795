import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { hostHeaderValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';

export const MCP_PATH = '/mcp';
const MAX_BODY_BYTES = 1_000_000;
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
const WILDCARD_HOSTS = ['0.0.0.0', '::'];

/** Error codes of JSON-RPC and MCP. */
const INVALID_REQUEST = -32_600;
const SERVER_ERROR = -32_000;

export interface McpHttpOptions {
  /** Address on which the server listens. */
  readonly host: string;
  /** Names in the `Host` header that are accepted in addition to loopback names and `host`. */
  readonly allowedHosts: readonly string[];
  /** Websites whose requests are accepted. Browsers send the `Origin` header, and other clients don't. */
  readonly allowedOrigins: readonly string[];
  /** Creates a server that sends requests with the caller's key. */
  readonly createServer: (key: string) => McpServer;
}

/**
 * Creates an HTTP application for the Streamable HTTP transport of MCP. Each request is independent: it needs an API key
 * in its `Authorization` header, and has only the access of this key. To prevent DNS rebinding, the application checks
 * the `Host` and `Origin` headers.
 *
 * Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
 */
export function createMcpApp(options: McpHttpOptions): Express {
  const { host, allowedHosts, allowedOrigins, createServer } = options;
  const app = express();
  app.disable('x-powered-by');
  app.use(hostHeaderValidation([...getHostNames(host), ...allowedHosts]));
  app.use(checkOrigin(allowedOrigins));
  app.post(
    MCP_PATH,
    requireKey,
    express.json({ limit: MAX_BODY_BYTES }),
    async (request, response) => {
      const server = createServer(readKey(request.headers.authorization) ?? '');
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
      response.once('close', () => void server.close().catch(() => {}));
      await server.connect(transport as Parameters<typeof server.connect>[0]);
      await transport.handleRequest(request, response, request.body);
    },
  );
  app.all(MCP_PATH, (_request, response) => {
    response.set('Allow', 'POST');
    response.status(405).json(toRpcError(SERVER_ERROR, 'Only POST requests are supported.'));
  });
  app.use((_request, response) => {
    response.status(404).json(toRpcError(INVALID_REQUEST, `The MCP endpoint is ${MCP_PATH}.`));
  });
  app.use(reportError);
  return app;
}

function getHostNames(host: string): string[] {
  const isWildcard = WILDCARD_HOSTS.includes(host);
  return isWildcard ? LOOPBACK_NAMES : [...LOOPBACK_NAMES, host.includes(':') ? `[${host}]` : host];
}

function checkOrigin(allowedOrigins: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const { origin } = request.headers;
    if (origin === undefined || allowedOrigins.includes(origin)) return next();
    const message = 'Requests from this website are not allowed. To allow it, use --allow-origin.';
    response.status(403).json(toRpcError(SERVER_ERROR, message));
  };
}

const requireKey: RequestHandler = (request, response, next) => {
  if (readKey(request.headers.authorization) !== undefined) return next();
  response.set('WWW-Authenticate', 'Bearer realm="perfscope"');
  const message =
    'Send an API key in the header "Authorization: Bearer <key>". Create one with `npx perfscope keys create`.';
  response.status(401).json(toRpcError(SERVER_ERROR, message));
};

function readKey(authorization: string | undefined): string | undefined {
  return /^Bearer ([\w.~+/=-]{1,8192})$/i.exec(authorization ?? '')?.[1];
}

const reportError: ErrorRequestHandler = (error: { status?: number }, _request, response, next) => {
  if (response.headersSent) return next(error);
  const status = error.status ?? 500;
  const message =
    status < 500 ? 'The request body is not valid JSON, or is too long.' : 'Internal error.';
  response.status(status).json(toRpcError(INVALID_REQUEST, message));
};

function toRpcError(code: number, message: string): object {
  return { jsonrpc: '2.0', error: { code, message }, id: null };
}
