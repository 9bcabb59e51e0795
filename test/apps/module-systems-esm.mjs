// An ES module that imports the package in its first argument, and then also requires it.
import { createRequire } from 'node:module';
import express from 'express';
import serve from './module-systems.cjs';

const name = process.argv[2];
const imported = await import(name);
const importedClient = await import(`${name}/client`);
const require = createRequire(import.meta.url);
const clients = [importedClient, require(`${name}/client`)];
await serve({ express, imported, required: require(name), clients });
