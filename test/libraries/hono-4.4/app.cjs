const { serve } = require('@hono/node-server');
const { serveStatic } = require('@hono/node-server/serve-static');
const { Hono } = require('hono');
const { cors } = require('hono/cors');
const { HTTPException } = require('hono/http-exception');
const { streamSSE } = require('hono/streaming');
const { serveHono } = require('../../apps/hono-server.cjs');

serveHono({ Hono, HTTPException, cors, serveStatic, streamSSE, serve });
