import type { Query } from '../../../client/api-types.ts';

/** Filter of the view. Hosts and processes belong to no organization. */
export type HostFilter = Pick<Query<'health'>, 'service' | 'instance'>;
