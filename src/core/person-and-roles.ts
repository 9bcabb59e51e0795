/** Roles that a person, an API key, or a token can have. */
export const ROLES = ['ADMIN', 'ORG_ADMIN', 'PROPERTY_MGR', 'VIEWER', 'INGEST'] as const;

export type Role = (typeof ROLES)[number];

/** A person who can receive alert notifications. */
export interface Person {
  /** Unique name. */
  readonly name: string;
  readonly role: Role;
  /** Default: the whole installation, which requires the role `ADMIN`. */
  readonly organization?: string | undefined;
  /** Default: all properties of the organization. */
  readonly properties?: readonly string[] | undefined;
  readonly email?: string | undefined;
  /** Number for text messages, such as `+41790000000`. */
  readonly phone?: string | undefined;
  /** Subject of the key or token that reads the in-app notifications, such as `token:anna`. */
  readonly user?: string | undefined;
}
