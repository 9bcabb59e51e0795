/** Roles that a person, an API key, or a token can have. */
export const ROLES = ['ADMIN', 'ORG_ADMIN', 'PROPERTY_MGR', 'VIEWER', 'INGEST'] as const;

/**
 * Role of a person, an API key, or a token. docs/security.md describes the roles.
 *
 * @useDeclaredType
 */
export type Role = (typeof ROLES)[number];

/** A person who can receive alert notifications. */
export interface Person {
  /** Unique name. */
  readonly name: string;
  /** Role of the person. */
  readonly role: Role;
  /** Organization whose alerts the person receives. Default: the whole installation, which requires the role `ADMIN`. */
  readonly organization?: string | undefined;
  /** Properties whose alerts the person receives. Default: all properties of the organization. */
  readonly properties?: readonly string[] | undefined;
  /** Email address for notifications. Default: none, so the person receives no email. */
  readonly email?: string | undefined;
  /** Number for text messages, such as `+41790000000`. Default: none. */
  readonly phone?: string | undefined;
  /** Subject of the key or token that reads the in-app notifications, such as `token:anna`. Default: none. */
  readonly user?: string | undefined;
}
