// Runs a program with a library that is loaded by `import`: run.mjs PROGRAM PACKAGE FOLDER
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importLibrary } from '../import-library.mjs';

const [program, name, folder] = process.argv.slice(2);
const { default: run } = await import(pathToFileURL(resolve(program)).href);
console.log(JSON.stringify(await run(await importLibrary(name, folder))));
