/**
 * Returns an environment variable of the application, such as the URL of its database. The caller must not store
 * secrets that it contains.
 */
export function readApplicationVariable(name: string): string | undefined {
  return process.env[name];
}
