import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Models of augurs. Each returns the next `horizon` values, or throws if it can't be fitted. */
export interface AugursModels {
  readonly ets: (values: Float64Array, horizon: number) => ArrayLike<number>;
  readonly mstl: (
    values: Float64Array,
    horizon: number,
    periods: readonly number[],
  ) => ArrayLike<number>;
}

let models: Promise<AugursModels> | undefined;

/**
 * Loads the WebAssembly modules of augurs at the first call. They need about 30 MB of memory, so a server that
 * forecasts nothing doesn't load them.
 *
 * @throws the error from reading or compiling a module
 */
export function loadAugursModels(): Promise<AugursModels> {
  models ??= load().catch((error: unknown) => {
    models = undefined;
    throw error;
  });
  return models;
}

async function load(): Promise<AugursModels> {
  const [ets, mstl] = await Promise.all([
    import('@bsull/augurs/ets'),
    import('@bsull/augurs/mstl'),
  ]);
  const [etsBytes, mstlBytes] = await Promise.all([readModule('ets'), readModule('mstl')]);
  ets.initSync({ module: etsBytes });
  mstl.initSync({ module: mstlBytes });
  return {
    ets: (values, horizon) => {
      // Automatic error and trend, without a season.
      const model = new ets.AutoETS(1, 'ZZN');
      try {
        model.fit(values);
        return model.predict(horizon).point;
      } finally {
        model.free();
      }
    },
    mstl: (values, horizon, periods) => {
      const model = mstl.MSTL.ets([...periods]);
      try {
        model.fit(values);
        return model.predict(horizon).point;
      } finally {
        model.free();
      }
    },
  };
}

function readModule(name: 'ets' | 'mstl'): Promise<Uint8Array<ArrayBuffer>> {
  const url = new URL(`${name}_bg.wasm`, import.meta.resolve(`@bsull/augurs/${name}`));
  return readFile(fileURLToPath(url));
}
