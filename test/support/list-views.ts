export interface ViewNames {
  readonly service: string;
  readonly operation: string;
  readonly endpoint: string;
  readonly queue: string;
  readonly job: string;
  readonly tenant: string;
}

/** Returns the paths of all views of the web UI, except for single alerts and incidents. Views of one thing show the given one. */
export function listViews({ service, operation, endpoint, queue, job, tenant }: ViewNames) {
  return [
    '/',
    '/services',
    `/service?service=${service}`,
    `/endpoint?service=${service}&operation=${operation}&endpoint=${endpoint}`,
    '/databases',
    '/queues',
    `/queue?queue=${queue}`,
    `/job?job=${job}`,
    '/outgoing',
    '/hosts',
    '/errors',
    '/incidents',
    '/alerts',
    '/rules',
    '/suggestions',
    '/deploys',
    '/forecasts',
    '/objectives',
    '/backtest',
    '/noise',
    '/inbox',
    '/actions',
    '/tenants',
    `/tenants?tenant=${tenant}`,
    '/business',
    '/explore',
    '/people',
    '/keys',
    '/storage',
    '/setup',
  ];
}
