// A CommonJS module that requires the package in its first argument, and then also imports it.
const express = require('express');
const serve = require('./module-systems.cjs');

const name = process.argv[2];
const required = require(name);
const requiredClient = require(`${name}/client`);

async function main() {
  const imported = await import(name);
  const clients = [await import(`${name}/client`), requiredClient];
  await serve({ express, imported, required, clients });
}

void main();
