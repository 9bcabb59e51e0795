/**
 * Returns the name of a server for people, such as `payments.example`, `payments.example:8443`, or `[::1]:8080`. The
 * ports 80 and 443 are omitted.
 */
export function formatHost(address: string, port: number | undefined): string {
  if (port === undefined || port === 80 || port === 443) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
