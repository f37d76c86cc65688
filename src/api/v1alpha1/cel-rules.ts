/**
 * Evaluates the CEL rules of a schema offline, so that a file is judged by the same words as in the API server.
 *
 * The rules live in the schemas and nowhere else; this walks them. What Kubernetes adds to CEL for addresses is supplied
 * here, with the semantics of k8s.io/apiserver/pkg/cel/library. A rule that cannot be evaluated counts as broken.
 */
import { Environment } from '@marcbachmann/cel-js';
import { containsNetwork, masked, type Network, parseAddress, parseNetwork } from './address.ts';
import { type JsonSchema, mapValues } from './json-schema.ts';
import type { FieldPath } from './problem.ts';
import type { CelRule } from './schema-parts.ts';
import type { Report } from './validate.ts';

/**
 * Reports every rule of the schema and of what is below it that the value breaks.
 *
 * @param value - must have passed {@link withDefaults} without a report.
 */
export function checkRules(schema: JsonSchema, value: unknown, path: FieldPath, report: Report): void {
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length > 0) {
    const self = celValue(schema, value);
    for (const rule of rules.filter((candidate) => !holds(candidate, self))) {
      report(path, { ...(typeof value === 'string' ? { value } : {}), message: rule.message });
    }
  }
  for (const [child, inner, step] of childrenOf(schema, value)) {
    checkRules(child, inner, [...path, step], report);
  }
}

/** Whether a rule holds for a value that {@link celValue} made. */
export function holds(rule: CelRule, self: unknown): boolean {
  let evaluate = compiled.get(rule.rule);
  if (evaluate === undefined) {
    evaluate = kubernetesCel().parse(rule.rule);
    compiled.set(rule.rule, evaluate);
  }
  try {
    return evaluate({ self }) === true;
  } catch (error) {
    if (error instanceof Error) {
      return false;
    }
    throw error;
  }
}

/** Objects and maps become Maps, where no name is special; whole numbers become CEL ints. */
function celValue(schema: JsonSchema, value: unknown): unknown {
  if (schema.type === 'integer') {
    return BigInt(value as number);
  }
  if (schema.type === 'array') {
    return childrenOf(schema, value).map(([child, inner]) => celValue(child, inner));
  }
  if (schema.type === 'object') {
    return new Map(childrenOf(schema, value).map(([child, inner, step]) => [step, celValue(child, inner)]));
  }
  return value;
}

function childrenOf(schema: JsonSchema, value: unknown): [JsonSchema, unknown, string | number][] {
  const { items } = schema;
  if (Array.isArray(value)) {
    return items === undefined ? [] : value.map((item, position) => [items, item, position]);
  }
  if (schema.type !== 'object') {
    return [];
  }
  return Object.entries(value as object).flatMap(([name, inner]) => {
    const child = schema.properties?.[name] ?? mapValues(schema);
    return child === undefined ? [] : [[child, inner, name] as [JsonSchema, unknown, string]];
  });
}

/** CEL with Kubernetes' IP and CIDR libraries, as far as rules here use them. */
function kubernetesCel(): Environment {
  environment ??= new Environment()
    .registerVariable('self', 'dyn')
    .registerType('net.CIDR', { ctor: CelNetwork, fields: {} })
    .registerFunction('isIP(string): bool', (text: string) => parseAddress(text) !== undefined)
    .registerFunction('isCIDR(string): bool', (text: string) => parseNetwork(text) !== undefined)
    .registerFunction('cidr(string): net.CIDR', networkOf)
    .registerFunction('net.CIDR.masked(): net.CIDR', ({ network }: CelNetwork) => new CelNetwork(masked(network)))
    .registerFunction('net.CIDR.containsCIDR(string): bool', ({ network }: CelNetwork, text: string) =>
      containsNetwork(network, networkOf(text).network),
    )
    .registerOperator(
      'net.CIDR == net.CIDR',
      ({ network: a }: CelNetwork, { network: b }: CelNetwork) =>
        a.length === b.length && a.address.bits === b.address.bits && a.address.value === b.address.value,
    );
  return environment;
}

class CelNetwork {
  readonly network: Network;
  constructor(network: Network) {
    this.network = network;
  }
}

function networkOf(text: string): CelNetwork {
  const network = parseNetwork(text);
  if (network === undefined) {
    throw new Error('network address parse error during conversion from string');
  }
  return new CelNetwork(network);
}

// Built when the first rule is looked at: most commands never look at one.
let environment: Environment | undefined;
const compiled = new Map<string, (context: { self: unknown }) => unknown>();
