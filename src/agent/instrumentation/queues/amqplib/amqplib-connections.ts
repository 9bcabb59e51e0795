import { ExistingObject } from '../../loading/hidden-property.ts';

const DEFAULT_HOST = '127.0.0.1';
const PREFIX = 'amqp';

/** The parts of the URL or the options of `connect` that are read. */
interface ConnectOptions {
  readonly protocol?: unknown;
  readonly hostname?: unknown;
  readonly port?: unknown;
  readonly vhost?: unknown;
}

/** Stores the scope of a connection's queues on the connection. */
export class ConnectionScopeField extends ExistingObject {
  #scope: string;

  private constructor(connection: object, scope: string) {
    super(connection);
    this.#scope = scope;
  }

  /** Returns `amqp` if the address of the connection is unknown. */
  static get(connection: object): string {
    return #scope in connection ? connection.#scope : PREFIX;
  }

  static set(connection: object, scope: string): void {
    if (!(#scope in connection)) new ConnectionScopeField(connection, scope);
  }
}

/**
 * Returns the scope of the queues of a virtual host: `amqp@<host>:<port>/<vhost>`. Never contains credentials.
 *
 * @param target URL or options of amqplib's `connect`
 */
export function formatAmqpScope(target: unknown): string {
  const parts = typeof target === 'string' ? parseUrl(target) : ((target ?? {}) as ConnectOptions);
  const { protocol = 'amqp', hostname, port, vhost } = parts;
  const name = String(hostname ?? '');
  const host = name === '' || name === 'localhost' || name === '::1' ? DEFAULT_HOST : name;
  const isSecure = /^amqps:?$/.test(String(protocol));
  const address = `${host.includes(':') ? `[${host}]` : host}:${port || (isSecure ? 5671 : 5672)}`;
  return `${PREFIX}@${address}/${formatVhost(vhost)}`;
}

/** The default virtual host `/` is empty, as in a URL. */
function formatVhost(vhost: unknown): string {
  const name = typeof vhost === 'string' ? vhost : '';
  try {
    const decoded = decodeURIComponent(name);
    return decoded === '/' ? '' : decoded;
  } catch {
    return name;
  }
}

function parseUrl(text: string): ConnectOptions {
  const url = URL.parse(text);
  if (!url) return {};
  const { protocol, hostname, port, pathname } = url;
  return { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port, vhost: pathname.slice(1) };
}
