// Runs a program with a library that is loaded by `import`: run.mjs PROGRAM PACKAGE FOLDER
import { createRequire, isBuiltin } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [program, name, folder] = process.argv.slice(2);
const { resolve: find } = createRequire(join(resolve(folder), 'package.json'));
const { default: run } = await import(pathToFileURL(resolve(program)).href);
const library = await import(isBuiltin(name) ? name : pathToFileURL(find(name)).href);
console.log(JSON.stringify(await run(library)));
