// Runs the scenario with a CommonJS copy of a library: run.cjs PROGRAM PACKAGE FOLDER
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const [program, name, folder] = process.argv.slice(2);
const { runScenario } = require('./scenario.cjs');
const load = createRequire(join(resolve(folder), 'package.json'));
runScenario(require(resolve(program)), load(name), load);
