import type { RequestHandler } from 'express';
import { VERSION } from '../../../core/version.ts';
import {
  AGENT_SERVICE_HEADER,
  AGENT_VERSION_HEADER,
  SERVER_VERSION_HEADER,
} from '../../../core/version-compatibility.ts';

/** Receives the version of an agent that sent a request. */
export type ReportAgentVersion = (service: string, version: string) => void;

/** Adds the server's version to each response, so that agents can detect an incompatible server. */
export const sendServerVersion: RequestHandler = (_request, response, next) => {
  response.set(SERVER_VERSION_HEADER, VERSION);
  next();
};

/** Reports the version of agents. Runs after authentication, so that only known callers can report. */
export function readAgentVersion(report: ReportAgentVersion): RequestHandler {
  return (request, _response, next) => {
    const version = request.get(AGENT_VERSION_HEADER);
    if (version !== undefined) report(decode(request.get(AGENT_SERVICE_HEADER)), version);
    next();
  };
}

function decode(service: string | undefined): string {
  try {
    return decodeURIComponent(service ?? 'unknown');
  } catch {
    return 'unknown';
  }
}
