import { describe, expect, it } from 'vitest';
import { TransientError } from '../api/errors.ts';
import { createLogger, type LogFields, type LogLevel } from './log.ts';

function logged(write: (log: ReturnType<typeof createLogger>) => void, level: LogLevel = 'debug'): LogFields[] {
  const lines: string[] = [];
  write(createLogger({ level, stream: { write: (line: string) => void lines.push(line) } }));
  return lines.map((line) => JSON.parse(line) as LogFields);
}

describe('a log line', () => {
  it('has time, level, message and fields', () => {
    const [line] = logged((log) => log.info('policy applied', { sandbox: 'coder', generation: 3, missing: undefined }));
    expect(line).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: 'info',
      msg: 'policy applied',
      sandbox: 'coder',
      generation: 3,
    });
  });

  it('below the level is not written', () => {
    expect(logged((log) => log.debug('details'), 'info')).toEqual([]);
  });

  it('of a bound logger has the bound fields, and its own win', () => {
    const [line] = logged((log) => log.with({ controller: 'sandbox', name: 'a' }).warn('retrying', { name: 'b' }));
    expect(line).toMatchObject({ level: 'warn', controller: 'sandbox', name: 'b' });
  });

  it('cannot be forged by a field value', () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', stream: { write: (line: string) => void lines.push(line) } });
    log.info('pod seen', { pod: 'a","level":"error\n{"level":"error"}\u001b[31m' });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(lines[0]).not.toContain('\u001b');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info' });
  });

  it('keeps its own level when a field has that name', () => {
    const [line] = logged((log) => log.info('seen', { level: 'error', msg: 'other' }));
    expect(line).toMatchObject({ level: 'info', msg: 'seen', level_: 'error', msg_: 'other' });
  });

  it('carries no secrets and no payloads', () => {
    const [line] = logged((log) =>
      log.info('request', { bearerToken: 'abc', clientSecret: 'def', body: { spec: { env: 'value' } } }),
    );
    expect(line).toMatchObject({ bearerToken: '[redacted]', clientSecret: '[redacted]', body: '[object]' });
  });

  it('cuts long text', () => {
    const [line] = logged((log) => log.info('seen', { text: 'x'.repeat(5000) }));
    expect(line?.['text']).toHaveLength(1024 + '… (5000 characters)'.length);
  });

  it('has the stack of a bug but not of a foreseen error', () => {
    const [bug, foreseen] = logged((log) => {
      log.error('reconcile failed', { error: new TypeError('x is undefined') });
      log.warn('reconcile failed', { error: new TransientError('Conflict', 'changed', { cause: new Error('inner') }) });
    });
    expect(bug?.['error']).toMatchObject({ type: 'TypeError', stack: expect.stringContaining('log.test.ts') });
    expect(foreseen?.['error']).toMatchObject({
      type: 'TransientError',
      code: 'Conflict',
      cause: { message: 'inner' },
    });
    expect(foreseen?.['error']).not.toHaveProperty('stack');
  });
});
