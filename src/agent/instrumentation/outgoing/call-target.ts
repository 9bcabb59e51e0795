import { copyText } from '../../../core/copy-text.ts';
import { formatHost } from '../../../core/otel/mapping/format-host.ts';

/** Maximum length of a host name. */
const MAX_HOST_LENGTH = 255;
const MAX_CACHED_TARGETS = 1000;
/** Enough for a host name and a header with the same name. */
const MAX_KEY_LENGTH = 600;

/** The server that a call is sent to. */
export interface CallTarget {
  /** Host name or IP address, without brackets. */
  readonly address: string;
  /** Undefined if it is unknown. */
  readonly port: number | undefined;
  /** Name for people: the address, with a port that isn't the default. */
  readonly name: string;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const UNKNOWN_TARGET = createTarget('(unknown)', undefined);
const cachedTargets = new Map<string, CallTarget>();

/** Returns the target of an origin. Undici has an origin for each request. */
export function getOriginTarget(origin: unknown): CallTarget {
  if (typeof origin === 'string') return getCachedTarget(origin, parseOrigin);
  return origin instanceof URL ? getCachedTarget(origin.origin, parseOrigin) : UNKNOWN_TARGET;
}

/**
 * Returns the target of an authority.
 *
 * @param protocol `http:` or `https:`
 * @param host host name or IP address that the client connects to
 * @param hostHeader value of the header. It is used only for the port, because applications can replace it.
 */
export function getHostTarget(protocol: string, host: string, hostHeader: unknown): CallTarget {
  const header = typeof hostHeader === 'string' ? hostHeader : '';
  return getCachedTarget(`${protocol} ${host} ${header}`, () =>
    createTarget(host, findPort(protocol, host, header)),
  );
}

/**
 * Returns the target of a gRPC channel (https://github.com/grpc/grpc/blob/master/doc/naming.md). A resolver's authority
 * isn't part of it.
 *
 * @param name such as `dns:rooms.example.com:443`, or `ipv4:10.0.0.7:50051,10.0.0.8:50051`
 */
export function getGrpcTarget(name: string): CallTarget {
  return getCachedTarget(name, parseGrpcName);
}

const GRPC_NAME = /^(?:(?:dns|ipv[46]|xds):)?(?:\/\/[^/]*\/)?(.*?)(?::(\d{1,5}))?$/;

/** Several addresses are one target, with the name of the first one. */
function parseGrpcName(name: string): CallTarget {
  if (name.startsWith('unix:')) return createTarget('(unix socket)', undefined);
  const [first = ''] = name.split(',', 1);
  const [, host = '', port] = GRPC_NAME.exec(first) ?? [];
  return createTarget(host, port === undefined ? undefined : Number(port));
}

/** Targets are cached, because to parse a URL takes a microsecond. */
function getCachedTarget(key: string, create: (key: string) => CallTarget): CallTarget {
  const cached = cachedTargets.get(key);
  if (cached !== undefined) return cached;
  const target = create(key);
  if (key.length > MAX_KEY_LENGTH) return target;
  // Removes the oldest entry. A frequent target is cached again immediately.
  if (cachedTargets.size >= MAX_CACHED_TARGETS)
    cachedTargets.delete(cachedTargets.keys().next().value!);
  cachedTargets.set(copyText(key), target);
  return target;
}

function parseOrigin(origin: string): CallTarget {
  if (!URL.canParse(origin)) return UNKNOWN_TARGET;
  const { protocol, hostname, port } = new URL(origin);
  return createTarget(hostname, port ? Number(port) : DEFAULT_PORTS[protocol]);
}

function findPort(protocol: string, host: string, header: string): number | undefined {
  if (header === '') return undefined;
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  if (header === bracketed) return DEFAULT_PORTS[protocol];
  const port = header.startsWith(`${bracketed}:`) ? header.slice(bracketed.length + 1) : '';
  return /^\d{1,5}$/.test(port) ? Number(port) : undefined;
}

function createTarget(host: string, port: number | undefined): CallTarget {
  const unbracketed = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const address = copyText(unbracketed.slice(0, MAX_HOST_LENGTH).toLowerCase());
  return { address, port, name: formatHost(address, port) };
}
