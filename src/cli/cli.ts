import type { Command } from 'commander';
import { addAgentCommand } from './agent-command.ts';
import { addAlertsCommand } from './alerts-command.ts';
import { addAnomaliesCommand } from './anomalies-command.ts';
import { addBacktestCommand } from './backtest-command.ts';
import { addBackupCommand } from './backup-command.ts';
import { addBusinessImpactCommand } from './business-impact-command.ts';
import { addCheckConfigCommand } from './check-config-command.ts';
import { printStatus } from './command-output.ts';
import { addCompareCommand } from './compare-command.ts';
import { addCoverageCommand } from './coverage-command.ts';
import { addDemoCommand } from './demo-command.ts';
import { addDeployCommand } from './deploy-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addExportCommand } from './export-command.ts';
import { addForecastsCommand } from './forecasts-command.ts';
import { addGrafanaCommand } from './grafana-command.ts';
import { addHealthcheckCommand } from './healthcheck-command.ts';
import { addIncidentsCommand } from './incidents-command.ts';
import { addKeysCommand } from './keys-command.ts';
import { addMcpCommand } from './mcp-command.ts';
import { addMigrateCommand } from './migrate-command.ts';
import { addNoiseCommand } from './noise-command.ts';
import { addNotifyCommand } from './notify-command.ts';
import { addObjectivesCommand } from './objectives-command.ts';
import { resolveOptionNames } from './option-names.ts';
import { addOutgoingCommand } from './outgoing-command.ts';
import { addQueryCommand } from './query-command.ts';
import { addRestoreCommand } from './restore-command.ts';
import { addRetentionCommand } from './retention-command.ts';
import { addRulesCommand } from './rules-command.ts';
import { createProgram, runProgram } from './run-program.ts';
import { addServeCommand } from './serve-command.ts';
import { addSpoolCommand } from './spool-command.ts';
import { addSuggestionsCommand } from './suggestions-command.ts';
import { addTestRulesCommand } from './test-rules-command.ts';
import { addTopCommand } from './top-command.ts';
import { addUsageHints } from './usage-hints.ts';
import { addWipeCommand } from './wipe-command.ts';

/** All commands, in the order in which the help lists them. */
const COMMANDS = [
  addServeCommand,
  addDemoCommand,
  addMigrateCommand,
  addCheckConfigCommand,
  addAgentCommand,
  addDoctorCommand,
  addTopCommand,
  addCoverageCommand,
  addOutgoingCommand,
  addDeployCommand,
  addCompareCommand,
  addAlertsCommand,
  addIncidentsCommand,
  addBusinessImpactCommand,
  addForecastsCommand,
  addObjectivesCommand,
  addSuggestionsCommand,
  addAnomaliesCommand,
  addBacktestCommand,
  addNoiseCommand,
  addNotifyCommand,
  addTestRulesCommand,
  addRulesCommand,
  addQueryCommand,
  addMcpCommand,
  addExportCommand,
  addRetentionCommand,
  addSpoolCommand,
  addBackupCommand,
  addRestoreCommand,
  addKeysCommand,
  addGrafanaCommand,
  addHealthcheckCommand,
  addWipeCommand,
];

/** Returns the program `perfscope` with all its commands. */
export function createCli(): Command {
  const program = createProgram('perfscope', 'Monitor the performance of Node.js services');
  for (const add of COMMANDS) add(program);
  addUsageHints(program);
  return program;
}

/** Runs the `perfscope` command. Sets the exit code: see {@link runProgram}. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = createCli();
  const resolved = resolveOptionNames(argv);
  for (const notice of resolved.notices) printStatus(notice);
  await runProgram(program, resolved.argv);
}
