#!/usr/bin/env node
// The command of the agent package: `npx @perfscope/agent doctor app.js`.
import { addDoctorCommand } from './cli/doctor-command.ts';
import { createProgram, runProgram } from './cli/run-program.ts';

const program = createProgram('npx @perfscope/agent', 'Check how a service is measured');
addDoctorCommand(program);
void runProgram(program, process.argv.slice(2));
