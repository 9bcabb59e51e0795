// The application of `node-sdk-exercise.cjs` as an ES module.
import http from 'node:http';
import * as api from '@opentelemetry/api';
import express from 'express';
import fastify from 'fastify';
import Redis from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';
import undici from 'undici';
import { exercise } from './node-sdk-exercise.cjs';

await exercise({ api, express, fastify, http, mysql, pg, Redis, undici });
