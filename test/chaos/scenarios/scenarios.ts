import type { Scenario } from '../scenario.ts';
import { CLOCK_SCENARIOS } from './clock-scenarios.ts';
import { DAMAGE_SCENARIOS } from './damage-scenarios.ts';
import { PEER_SCENARIOS } from './peer-scenarios.ts';
import { PROCESS_SCENARIOS } from './process-scenarios.ts';
import { QUESTDB_SCENARIOS } from './questdb-scenarios.ts';
import { SCHEMA_SCENARIOS } from './schema-scenarios.ts';
import { SERVER_SCENARIOS } from './server-scenarios.ts';
import { SOAK_SCENARIO } from './soak-scenario.ts';
import { SPOOL_SCENARIOS } from './spool-scenarios.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...QUESTDB_SCENARIOS,
  ...PEER_SCENARIOS,
  ...PROCESS_SCENARIOS,
  ...CLOCK_SCENARIOS,
  ...SPOOL_SCENARIOS,
  ...DAMAGE_SCENARIOS,
  ...SCHEMA_SCENARIOS,
  ...SERVER_SCENARIOS,
  SOAK_SCENARIO,
];
