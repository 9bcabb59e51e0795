import type { RowTypes, TableName } from '../../../src/core/schema/table-registry.ts';

/** The meaning of a column. */
export interface ColumnDescription {
  /** One or more sentences. */
  readonly meaning: string;
  /** Unit of the values, such as `ms`. Default: the values have no unit. */
  readonly unit?: string;
  /** All values of a column that has a fixed set. The page lists them after the meaning. */
  readonly values?: readonly string[];
}

/** Describes a table. A missing or unknown column is a type error. */
interface TableDescription<N extends TableName> {
  /** Sentences that describe a row, and who writes it. */
  readonly row: readonly string[];
  /** In camel case, as in the definition of the table. */
  readonly columns: Readonly<Record<keyof RowTypes[N], ColumnDescription>>;
}

export type TableDescriptions<N extends TableName> = {
  readonly [K in N]: TableDescription<K>;
};

/** Describes the columns of `RESOURCE_COLUMNS`. */
export const RESOURCE_DESCRIPTIONS = {
  service: { meaning: "Name of the service. Perfscope's own processes have the name `perfscope`." },
  serviceVersion: { meaning: 'Version of the service. Empty if the service reports no version.' },
  environment: { meaning: 'Environment of the service, such as `production`.' },
  instance: { meaning: 'ID of the process. A restarted process has a new ID.' },
} as const satisfies Record<string, ColumnDescription>;

/** Describes the columns of `TENANT_COLUMNS`. */
export const TENANT_DESCRIPTIONS = {
  organizationId: { meaning: 'Organization. Empty if the row belongs to no organization.' },
  propertyId: { meaning: 'Property of the organization. Empty if the row belongs to no property.' },
} as const satisfies Record<string, ColumnDescription>;
