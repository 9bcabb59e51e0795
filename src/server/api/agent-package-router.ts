import { type Request, Router } from 'express';
import { getAgentFileName, getAgentPath } from '../../core/agent-download.ts';
import { createError } from '../../core/perfscope-error.ts';
import { VERSION } from '../../core/version.ts';
import type { AgentPackage } from '../agent-package/agent-package-file.ts';
import { limitRejectedRequests } from './middleware/rate-limit-middleware.ts';
import { isSecureRequest } from './request/request-origin.ts';

/** How the reader of the web UI can get the agent. */
interface AgentDownload {
  /** Path of the agent on this server. */
  readonly path: string;
  readonly fileName: string;
  /** SHA-512 of the file, as in `package-lock.json`. Undefined if the server has no agent package. */
  readonly integrity: string | undefined;
  /** Whether the server sends the agent over the connection of the request. */
  readonly isAllowed: boolean;
}

const AGENT_PATH_PATTERN = /^\/agent-[\w.+-]{1,100}\.tgz$/;
const CACHE_CONTROL = 'public, max-age=31536000, immutable';

/**
 * Creates the routes of the agent package, and of its description, `/agent.json`. They need no API key,
 * because the package contains no secrets. Requests that the network could change get a 403 response.
 */
export function createAgentPackageRouter(load: () => AgentPackage): Router {
  const routes = Router();
  routes.get('/agent.json', (request, response) => {
    response.json(describeAgentDownload(request, load));
  });
  routes.get(AGENT_PATH_PATTERN, limitRejectedRequests(), (request, response) => {
    if (!isSecureRequest(request)) throw createError('PS_AGENT_INSECURE', {});
    const offered = getAgentPath();
    const { path } = request;
    if (path !== offered) {
      throw createError('PS_AGENT_OTHER_VERSION', { path, version: VERSION, offered });
    }
    const { bytes, fileName, integrity } = load();
    response.attachment(fileName);
    response.set({
      'Content-Type': 'application/gzip',
      'Cache-Control': CACHE_CONTROL,
      ETag: `"${integrity}"`,
      'Repr-Digest': `sha-512=:${integrity.replace('sha512-', '')}:`,
    });
    response.send(bytes);
  });
  return routes;
}

/** Describes the download, as the sender of `request` can use it. */
function describeAgentDownload(request: Request, load: () => AgentPackage): AgentDownload {
  const download = { path: getAgentPath(), fileName: getAgentFileName() };
  try {
    const { integrity } = load();
    return { ...download, integrity, isAllowed: isSecureRequest(request) };
  } catch {
    return { ...download, integrity: undefined, isAllowed: false };
  }
}
