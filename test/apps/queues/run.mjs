// Runs the scenario with a library that is loaded by `import`: run.mjs PROGRAM PACKAGE FOLDER
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importLibrary } from '../import-library.mjs';
import scenario from './scenario.cjs';

const [program, name, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));
const { default: adapter } = await import(pathToFileURL(resolve(program)).href);
const library = await importLibrary(name, folder);
scenario.runScenario(adapter, library.default ?? library, load);
