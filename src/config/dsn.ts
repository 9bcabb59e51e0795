/** Where a Sentry project takes events (https://develop.sentry.dev/sdk/foundations/transport/authentication/). */
export interface Dsn {
  /** `/api/PROJECT/envelope/` of the host. */
  readonly envelopeUrl: string;
  readonly publicKey: string;
  /** The host, for what is said. */
  readonly origin: string;
}

/** `https://KEY@HOST[/PATH]/PROJECT`. @returns undefined when `text` is none */
export function parseDsn(text: string): Dsn | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, origin, pathname } = new URL(text);
  const [, path = '', project] = /^(.*)\/([\w-]+)$/.exec(pathname) ?? [];
  if (!/^https?:$/.test(protocol) || username === '' || project === undefined) return undefined;
  return { envelopeUrl: `${origin}${path}/api/${project}/envelope/`, publicKey: username, origin };
}
