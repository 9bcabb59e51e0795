import { type Command, Option } from 'commander';
import { ApiError } from '../client/api-request.ts';
import type { PerfscopeClient } from '../client/perfscope-client.ts';
import { isHeaderToken, readSecretFile } from '../core/config/secret-file.ts';
import { readDiscoveryFile } from '../core/config/server-discovery.ts';
import { createError, errorMessage, type PerfscopeError } from '../core/perfscope-error.ts';
import { requireStartupConfig } from './command-context.ts';
import { parseHttpUrl } from './command-options.ts';
import { createLocalClient, createRemoteClient } from './local-client.ts';

/** Options of every command that sends requests to a server. */
export interface ServerOptions {
  url?: string;
  key?: string;
  keyFile?: string;
}

/** Adds the options that select the server and the API key. */
export function addServerOptions(command: Command): Command {
  return command
    .option(
      '--url <address>',
      'Server URL; default: PERFORMANCE_SERVER_URL, or the server on this machine',
      parseHttpUrl,
    )
    .option('--key-file <file>', 'File with the API key; default: PERFORMANCE_API_KEY_FILE')
    .addOption(
      new Option(
        '--key <key>',
        'API key; default: PERFORMANCE_API_KEY. Other users can see the key in the process list.',
      ).conflicts('keyFile'),
    );
}

/** A client for the selected server. */
export interface ServerConnection {
  readonly url: string;
  readonly client: PerfscopeClient;
  /** Converts errors of the connection to errors with a code. Other errors stay unchanged. */
  readonly describeError: (error: unknown) => unknown;
}

/**
 * Selects the server. An option has precedence over the environment variable, and both have precedence over the server
 * on this machine.
 *
 * @throws PS_NO_SERVER, PS_SECRET_FILE, PS_CONFIG_INVALID
 */
export function selectServer(options: ServerOptions): ServerConnection {
  // Removes the key from the process list.
  if (options.key !== undefined) process.title = 'perfscope';
  const { settings, discoveryFile } = requireStartupConfig();
  const discovery = readDiscoveryFile(discoveryFile);
  const url = options.url ?? settings.PERFORMANCE_SERVER_URL ?? discovery?.serverUrl;
  if (url === undefined) throw createError('PS_NO_SERVER', {});
  const key = readKeyOptions(options) ?? settings.PERFORMANCE_API_KEY;
  const client =
    key === undefined ? createLocalClient(url, discovery) : createRemoteClient(url, key);
  return { url, client, describeError: (error) => toServerError(error, new URL(url).origin) };
}

/**
 * Calls `use` with a client for the selected server.
 *
 * @throws PS_NO_SERVER, PS_SECRET_FILE, PS_CONFIG_INVALID
 * @throws PS_SERVER_UNREACHABLE, PS_SERVER_KEY, or the error of the server
 */
export async function withServerClient<T>(
  options: ServerOptions,
  use: (client: PerfscopeClient) => Promise<T>,
): Promise<T> {
  const { client, describeError } = selectServer(options);
  try {
    return await use(client);
  } catch (error) {
    throw describeError(error);
  }
}

function readKeyOptions({ key, keyFile }: ServerOptions): string | undefined {
  const name = keyFile === undefined ? '--key' : '--key-file';
  const text = keyFile === undefined ? key?.trim() : readKeyFile(keyFile);
  if (text === undefined || isHeaderToken(text)) return text;
  const allowed = 'an API key, in one line and without spaces';
  throw createError('PS_CONFIG_INVALID', { name, value: '(hidden)', allowed });
}

function readKeyFile(file: string): string {
  try {
    return readSecretFile(file);
  } catch (error) {
    throw createError('PS_SECRET_FILE', { name: '--key-file', reason: errorMessage(error) }, error);
  }
}

/** Converts errors of the connection. Errors with a code of the server stay unchanged. */
function toServerError(error: unknown, url: string): unknown {
  if (error instanceof ApiError) return toApiError(error, url);
  const isNetworkError = error instanceof TypeError || error instanceof SyntaxError;
  const isTimeout = error instanceof DOMException;
  if (!isNetworkError && !isTimeout) return error;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const reason =
    error instanceof SyntaxError
      ? 'the response is not from a Perfscope server'
      : isTimeout
        ? 'it did not respond in time'
        : errorMessage(cause) || String((cause as NodeJS.ErrnoException).code);
  return createError('PS_SERVER_UNREACHABLE', { url, reason }, error);
}

function toApiError(error: ApiError, url: string): PerfscopeError | ApiError {
  if (error.code === undefined) {
    const reason = `the response is not from a Perfscope server (HTTP ${error.status})`;
    return createError('PS_SERVER_UNREACHABLE', { url, reason }, error);
  }
  if (error.code !== 'PS_UNAUTHENTICATED' && error.code !== 'PS_KEY_REQUIRED') return error;
  // The rest of the server's text explains HTTP headers.
  const [, reason = error.message] =
    /^(?:Authentication required: )?(.*?)\. Create /s.exec(error.message) ?? [];
  return createError('PS_SERVER_KEY', { url, reason }, error);
}
