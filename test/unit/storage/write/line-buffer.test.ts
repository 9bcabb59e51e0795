import { describe, expect, it } from 'vitest';
import { LineBuffer } from '../../../../src/storage/write/line-buffer.ts';

describe('LineBuffer', () => {
  it('grows up to its limit, and then throws an error', () => {
    const buffer = new LineBuffer(100_000);
    for (let i = 0; i < 100_000; i++) buffer.addByte(65);
    expect(() => buffer.addByte(65)).toThrow(
      'the rows need 100001 bytes, but the maximum is 100000',
    );
    expect(buffer.take().toString()).toBe('A'.repeat(100_000));
    buffer.addAscii('still usable');
    expect(buffer.take().toString()).toBe('still usable');
  });

  it('replaces NUL and lone surrogates', () => {
    const buffer = new LineBuffer(1000);
    buffer.addText('\0\ud83d\0\ude00😀', true);
    expect(buffer.take().toString()).toBe('\ufffd\ufffd\ufffd\ufffd😀');
  });
});
