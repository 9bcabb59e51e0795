import express, { type RequestHandler } from 'express';
import { coded, reasonOf } from '../errors.ts';

const parse = express.json({ limit: '64kb' });

/** Reads a JSON body of at most 64 KB; what can't be read is a 400 (PS_REQUEST_INVALID). */
export const jsonBody: RequestHandler = (request, response, next) => {
  parse(request, response, (error?: unknown) => {
    // The parser's own message quotes the body, which may hold anything.
    const kind = (error as { type?: unknown } | undefined)?.type ?? reasonOf(error);
    next(error && coded('PS_REQUEST_INVALID', { reason: `its body is no JSON of ours (${kind})` }));
  });
};
