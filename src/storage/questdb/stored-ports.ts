import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { writeStateFile } from '../../core/state-file.ts';
import type { Ports } from './server-conf.ts';

export const DEFAULT_PORTS: Ports = { http: 9000, pg: 8812 };

const portSchema = z.int().min(1).max(65_535);
const portsSchema = z.object({ http: portSchema, pg: portSchema });

/**
 * Returns the ports of the last start, so that services and bookmarks still work after a restart.
 * Returns the default ports if there is no such file, or if it is damaged or can't be read.
 */
export function loadPorts(dataDir: string): Ports {
  try {
    return portsSchema.parse(JSON.parse(readFileSync(getPortsFile(dataDir), 'utf8')));
  } catch {
    return DEFAULT_PORTS;
  }
}

/** Stores the ports for the next start. If that fails, logs a warning, because QuestDB can still run. */
export function savePorts(dataDir: string, ports: Ports, log: Logger): void {
  try {
    writeStateFile(getPortsFile(dataDir), JSON.stringify(ports));
  } catch (error) {
    log.warn(errorMessage(error));
  }
}

function getPortsFile(dataDir: string): string {
  return join(dataDir, 'ports.json');
}
