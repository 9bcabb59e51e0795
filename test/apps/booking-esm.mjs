import * as bullmq from 'bullmq';
import express from 'express';
import pg from 'pg';
import serve from './booking.cjs';

await serve({ express, pg, bullmq });
