import { serve } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { streamSSE } from 'hono/streaming';
import { serveHono } from '../../apps/hono-server.cjs';

serveHono({ Hono, HTTPException, cors, serveStatic, streamSSE, serve });
