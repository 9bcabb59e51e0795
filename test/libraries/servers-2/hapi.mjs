import * as boom from '@hapi/boom';
import * as Hapi from '@hapi/hapi';
import { startHapi } from '../../apps/hapi-routes.cjs';

await startHapi(Hapi, boom.default);
