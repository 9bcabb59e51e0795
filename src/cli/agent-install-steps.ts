import { getAgentFileName } from '../core/agent-download.ts';

/** Folder of a service for packages that are files in its repository. */
export const VENDOR_FOLDER = 'vendor';

/** Returns the path at which a service keeps the agent package, relative to the service's folder. */
function getVendoredPath(): string {
  return `./${VENDOR_FOLDER}/${getAgentFileName()}`;
}

/** Returns the commands that install the agent package `file` in a service and start the service. */
export function formatInstallSteps(file: string): string[] {
  return [`npm install ${file}`, 'node --import @perfscope/agent/register app.js'];
}

/**
 * Returns the lines that explain how to measure a service with the agent of this server.
 *
 * @param agentUrl URL of the agent. Undefined if the server offers none.
 * @param integrity SHA-512 of the agent package
 */
export function formatServerSteps(agentUrl: string | undefined, integrity: string): string[] {
  const file = getVendoredPath();
  const steps = formatInstallSteps(file).map((step) => `  ${step}`);
  const start = agentUrl
    ? [
        'To measure a service, run in its folder:',
        `  curl --fail --create-dirs -o ${file} ${agentUrl}`,
      ]
    : [
        'To measure a service, run `perfscope agent pack` on this machine.',
        `Copy the file to ${VENDOR_FOLDER} in the folder of the service. Then run there:`,
      ];
  return [...start, ...steps, `SHA-512 of the agent: ${integrity}`];
}
