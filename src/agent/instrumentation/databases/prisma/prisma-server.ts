import { readApplicationVariable } from '../../../../core/config/application-variable.ts';

/** The parts of the engine's options that are read. */
export interface PrismaEngineConfig {
  /** Variables in the file `.env`. */
  readonly env?: Readonly<Record<string, unknown>>;
  readonly overrideDatasources?: Readonly<Record<string, { readonly url?: unknown }>>;
  readonly inlineDatasources?: Readonly<
    Record<string, { readonly url?: { readonly fromEnvVar?: unknown; readonly value?: unknown } }>
  >;
}

/**
 * Returns `host:port/database`, or `''` if it is unknown. The URL of a database can contain credentials, so only its
 * parts are used.
 */
export function formatPrismaServer(config: PrismaEngineConfig = {}): string {
  const url = findUrl(config);
  if (typeof url !== 'string' || !URL.canParse(url)) return '';
  const { host, pathname } = new URL(url);
  return host === '' ? '' : `${host}${pathname}`;
}

function findUrl({ overrideDatasources, inlineDatasources, env }: PrismaEngineConfig): unknown {
  const [override] = Object.values(overrideDatasources ?? {});
  if (override?.url !== undefined) return override.url;
  const [source] = Object.values(inlineDatasources ?? {});
  const { fromEnvVar, value } = source?.url ?? {};
  if (typeof fromEnvVar !== 'string') return value;
  return env?.[fromEnvVar] ?? readApplicationVariable(fromEnvVar);
}
