export interface DashboardOptions {
  /** Default: 15 minutes. */
  windowMs?: number;
  /** End of the window; default now. */
  now?: Date;
  /** Only rows of this organization, or property. Default: of all. */
  organizationId?: string;
  propertyId?: string;
  /** Count rows of tests as well. */
  includeTest?: boolean;
}

/** A time range and whose rows are read. `from` belongs to it, `to` does not. */
export interface Range {
  from: Date;
  to: Date;
  organizationId: string | undefined;
  propertyId: string | undefined;
  includeTest: boolean;
}

const DEFAULT_MS = 15 * 60_000;

export function rangeOf(options: DashboardOptions = {}): Range {
  const to = options.now ?? new Date();
  return {
    from: new Date(to.getTime() - (options.windowMs ?? DEFAULT_MS)),
    to,
    organizationId: options.organizationId,
    propertyId: options.propertyId,
    includeTest: options.includeTest ?? false,
  };
}

/** The range of the same length that ends where `range` begins. */
export function previous(range: Range): Range {
  const lengthMs = range.to.getTime() - range.from.getTime();
  return { ...range, from: new Date(range.from.getTime() - lengthMs), to: range.from };
}

export function minutesOf(range: Range): number {
  return (range.to.getTime() - range.from.getTime()) / 60_000;
}
