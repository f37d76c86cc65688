/**
 * Reads the operator's configuration once, at the start: flags, then environment, then defaults.
 *
 * Checked against the schema of `options.ts`, then frozen; nothing else in the project reads the environment. A flag wins
 * over its variable. What a setting means is the business of whoever is handed it.
 */
import Type, { type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { type ConfigOption, type Kind, MINUTE_MS, OPTIONS } from './options.ts';

/** The configuration. Durations are milliseconds. */
export type OperatorConfig = { readonly [Field in keyof typeof OPTIONS]: Setting<(typeof OPTIONS)[Field]['schema']> };
type Setting<S extends TSchema> = Static<S> extends unknown[] ? readonly Static<S>[number][] : Static<S> | AbsentOf<S>;
type AbsentOf<S extends TSchema> = S extends { '~optional': true } ? undefined : never;

/** A setting that cannot be used; the message names the flag or variable, the value, and what would do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Flags as a command line parser gives them: by field, absent when not given. */
export type GivenFlags = {
  readonly [Field in keyof typeof OPTIONS]?: string | boolean | readonly string[] | undefined;
};

/**
 * @param env - the environment; a variable that is empty counts as absent.
 * @throws ConfigError for the first setting that cannot be used.
 * @example resolveConfig({ workers: '4' }, { BULKHEAD_LOG_LEVEL: 'debug' }).workers // 4
 */
export function resolveConfig(
  flags: GivenFlags,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<OperatorConfig> {
  const config: Record<string, unknown> = {};
  for (const [field, option] of Object.entries<ConfigOption>(OPTIONS)) {
    const { raw, origin } = find(option, flags[field as keyof GivenFlags], env);
    const value = typeof raw === 'string' ? PARSE[option.kind](raw) : raw;
    if (!Value.Check(Type.Object({ field: option.schema }), { field: value })) {
      throw new ConfigError(`${origin}: ${show(raw)} cannot be used; give ${option.expects}`);
    }
    config[field] = typeof value === 'object' ? Object.freeze(value) : value;
  }
  return Object.freeze(config) as unknown as OperatorConfig;
}

/**
 * Host and port of an address setting; without a host it means every interface, IPv4 and IPv6.
 *
 * @example splitAddress('[::1]:8080') // { host: '::1', port: 8080 }
 */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host: host === '' ? '::' : host, port: Number(address.slice(colon + 1)) };
}

type Raw = string | boolean | readonly string[];

function find(
  option: ConfigOption,
  flag: Raw | undefined,
  env: Readonly<Record<string, string | undefined>>,
): { raw: Raw | undefined; origin: string } {
  if (flag !== undefined) {
    return { raw: flag, origin: option.flag };
  }
  const variable = env[option.env];
  const isSet = variable !== undefined && variable !== '';
  return isSet ? { raw: variable, origin: option.env } : { raw: option.default, origin: option.flag };
}

function parseDuration(text: string): number | string {
  if (!/^(\d{1,6}(ms|s|m|h))+$/.test(text)) {
    return text;
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  }
  return total;
}

/** Quoted and cut; the value may come from anywhere. */
function show(raw: Raw | undefined): string {
  return raw === undefined ? 'nothing' : JSON.stringify(raw).slice(0, 100);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: MINUTE_MS, h: 60 * MINUTE_MS };
const SWITCH: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);
/** The value a text stands for, or the text itself when it stands for none: the schema refuses it then. */
const PARSE: Readonly<Record<Kind, (text: string) => unknown>> = {
  text: (text) => text,
  list: (text) => text.split(',').filter((item) => item !== ''),
  count: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : text),
  duration: parseDuration,
  switch: (text) => SWITCH.get(text) ?? text,
};
