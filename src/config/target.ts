/** Where rows are written to: QuestDB over HTTP. */
export interface WriteTarget {
  /** Base address without a path. */
  readonly url: string;
  /** Value of the `Authorization` header, where one is needed. */
  readonly authorization?: string | undefined;
}

/** Where rows are read from: QuestDB over the Postgres wire. */
export interface ReadTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface QuestdbTargets {
  readonly write: WriteTarget;
  readonly read: ReadTarget;
}

export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
