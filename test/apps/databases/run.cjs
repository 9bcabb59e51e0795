// Runs a program with a CommonJS copy of a library: run.cjs PROGRAM PACKAGE FOLDER
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const [program, name, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));
require(resolve(program))(load(name)).then(
  (result) => console.log(JSON.stringify(result)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
