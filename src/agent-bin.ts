#!/usr/bin/env node
import { addDoctorCommand } from './cli/doctor-command.ts';
import { createProgram, runProgram } from './cli/run-program.ts';
// The command of the agent package: `npx @perfscope/agent doctor app.js`.
import { errorMessage } from './core/perfscope-error.ts';

const program = createProgram('npx @perfscope/agent', 'Check how a service is measured');
addDoctorCommand(program);
runProgram(program, process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`perfscope: ${errorMessage(error)}\n`);
  process.exitCode = 1;
});
